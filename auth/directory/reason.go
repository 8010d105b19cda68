package directory

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"opora/internal/fault"
)

// Reason is why somebody could not sign in. It always goes to the log; whether it may be told to the person says
// SafeToShow.
type Reason string

// The reasons.
const (
	BadInput        Reason = "bad input" // an empty or unreadable login or password: the directory was not asked
	WrongPassword   Reason = "wrong password"
	UnknownPerson   Reason = "unknown person"  // no entry answers to the login
	Ambiguous       Reason = "ambiguous login" // several entries do
	Locked          Reason = "locked"          // too many wrong passwords; said with a wrong password too
	Disabled        Reason = "disabled"        // by an administrator; OpenLDAP says so with a wrong password too
	AccountExpired  Reason = "account expired"
	PasswordExpired Reason = "password expired"
	MustChange      Reason = "password must change"    // the password was right, a new one has to be set first
	NotAllowedNow   Reason = "not allowed now or here" // Active Directory's sign-in hours and workstations
	NoAnswer        Reason = "no answer"               // the directory does not answer
	Misconfigured   Reason = "misconfigured"           // the directory answers, but refuses Opora itself
)

// SafeToShow tells that the person may be told this reason: it is given only once the right password was proven, or it
// has nothing to do with an account. All others would tell a stranger which accounts exist and how they stand.
func (r Reason) SafeToShow() bool {
	switch r {
	case BadInput, AccountExpired, PasswordExpired, MustChange, NotAllowedNow, NoAnswer, Misconfigured:
		return true
	}
	return false
}

// PasswordProven tells that the password was right although the sign-in was refused; such an attempt is not a guess.
func (r Reason) PasswordProven() bool {
	switch r {
	case AccountExpired, PasswordExpired, MustChange, NotAllowedNow:
		return true
	}
	return false
}

// SignInError is a sign-in that did not succeed.
type SignInError struct {
	Reason   Reason
	PersonID string // whose sign-in it was, when an entry was found; for the log
	Err      error  // what the server said
}

func (e *SignInError) Error() string {
	if e.Err == nil {
		return "sign-in: " + string(e.Reason)
	}
	return fmt.Sprintf("sign-in: %s: %v", e.Reason, e.Err)
}

func (e *SignInError) Unwrap() error { return e.Err }

// Fault is the error as the person may see it: the reason where it is safe, else the same words for every refusal.
func (e *SignInError) Fault() *fault.Error {
	kind, id := fault.Unauthenticated, "directory.sign_in.refused"
	switch e.Reason {
	case BadInput:
		kind, id = fault.Invalid, "directory.sign_in.bad_input"
	case AccountExpired:
		id = "directory.sign_in.account_expired"
	case PasswordExpired:
		id = "directory.sign_in.password_expired"
	case MustChange:
		id = "directory.sign_in.must_change"
	case NotAllowedNow:
		id = "directory.sign_in.not_allowed_now"
	case NoAnswer:
		kind, id = fault.Unavailable, "directory.no_answer"
	case Misconfigured:
		kind, id = fault.Unavailable, "directory.misconfigured"
	}
	return &fault.Error{Kind: kind, Message: fault.Message{ID: id}, Err: e}
}

// asFault tells the callers of everything but SignIn what went wrong; nil stays nil.
func asFault(err error) error {
	if err == nil {
		return nil
	}
	var f *fault.Error
	if errors.As(err, &f) {
		return err
	}
	if serverReason(err) == Misconfigured {
		return fault.Wrap(err, fault.Unavailable, "directory.misconfigured")
	}
	return fault.Wrap(err, fault.Unavailable, "directory.no_answer")
}

// serverReason reads an error that has nothing to do with the person: of connecting, of the service account, of a search.
func serverReason(err error) Reason {
	var l *ldap.Error
	if isCertificateError(err) {
		return Misconfigured
	}
	if !errors.As(err, &l) || l.ResultCode >= ldap.ErrorNetwork {
		return NoAnswer
	}
	switch l.ResultCode {
	case ldap.LDAPResultBusy, ldap.LDAPResultUnavailable, ldap.LDAPResultTimeLimitExceeded,
		ldap.LDAPResultAdminLimitExceeded, ldap.LDAPResultOther:
		return NoAnswer
	}
	return Misconfigured
}

// adData finds the sub-code in the text of Active Directory's code 49: "80090308: LdapErr: DSID-…, data 533, v4563".
var adData = regexp.MustCompile(`\bdata ([0-9a-fA-F]{3,8})\b`)

// The sub-codes are Windows system error codes in hexadecimal (ERROR_LOGON_FAILURE = 1326 = 0x52e and its neighbours).
var adReasons = map[string]Reason{
	"525": UnknownPerson,
	"52e": WrongPassword,
	"530": NotAllowedNow,
	"531": NotAllowedNow,
	"532": PasswordExpired,
	"533": Disabled,
	"701": AccountExpired,
	"773": MustChange,
	"775": Locked,
}

// bindReason reads the answer to a bind as a person. ok means that the person is in.
// OpenLDAP answers every refusal with code 49 and an empty text; which it is stands in the password policy control
// (draft-behera-ldap-password-policy-10), where "must change" comes with a successful bind. Active Directory writes it
// into the text.
func bindReason(result *ldap.SimpleBindResult, err error, disabled bool) (r Reason, ok bool) {
	policy := policyError(result)
	if err == nil {
		switch {
		case policy == ldap.BeheraChangeAfterReset:
			return MustChange, false
		case disabled: // a server that keeps the mark but does not act on it
			return Disabled, false
		}
		return "", true
	}
	var l *ldap.Error
	if !errors.As(err, &l) {
		return NoAnswer, false
	}
	switch l.ResultCode {
	case ldap.LDAPResultInvalidCredentials, ldap.LDAPResultInappropriateAuthentication:
	case ldap.LDAPResultUnwillingToPerform: // 389 Directory Server: "Account inactivated"
		if disabled {
			return Disabled, false
		}
		return serverReason(err), false
	case ldap.LDAPResultConstraintViolation: // 389 Directory Server: "Exceed password retry limit"
		return Locked, false
	case ldap.LDAPResultNoSuchObject:
		return UnknownPerson, false
	default:
		return serverReason(err), false
	}
	if m := adData.FindStringSubmatch(l.Err.Error()); m != nil {
		if r, known := adReasons[strings.ToLower(m[1])]; known {
			return r, false
		}
	}
	switch {
	case policy == ldap.BeheraPasswordExpired:
		return PasswordExpired, false
	case disabled: // without olcPPolicyUseLockout OpenLDAP says nothing more
		return Disabled, false
	case policy == ldap.BeheraAccountLocked:
		return Locked, false
	}
	return WrongPassword, false
}

// policyError is the error of the password policy control, -1 when the server said none.
func policyError(result *ldap.SimpleBindResult) int8 {
	if result == nil {
		return -1
	}
	if c, ok := ldap.FindControl(result.Controls, ldap.ControlTypeBeheraPasswordPolicy).(*ldap.ControlBeheraPasswordPolicy); ok {
		return c.Error
	}
	return -1
}
