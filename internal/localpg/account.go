package localpg

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// account is the user that PostgreSQL's processes drop to; nil stands for Opora's own.
type account struct{ uid, gid uint32 }

// ordinary picks the account for a new cluster: our own, or, since PostgreSQL refuses to run as root, postgres or nobody.
func ordinary() (*account, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			return parse(u)
		}
	}
	return nil, errors.New("PostgreSQL refuses to run as root, and there is no user postgres or nobody to run it as: " +
		"start Opora as an ordinary user, or name a running server in OPORA_DATABASE_URL")
}

// byID is the account with a user id, which must be known to the machine.
func byID(uid uint32) (*account, error) {
	u, err := user.LookupId(strconv.FormatUint(uint64(uid), 10))
	if err != nil {
		return nil, fmt.Errorf("the owner of the database folder is not a user of this machine: %w", err)
	}
	return parse(u)
}

func parse(u *user.User) (*account, error) {
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("reading the user id of %s: %w", u.Username, err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("reading the group id of %s: %w", u.Username, err)
	}
	return &account{uint32(uid), uint32(gid)}, nil
}

func (a *account) id() uint32 {
	if a == nil {
		return uint32(os.Geteuid())
	}
	return a.uid
}

// own gives one file or folder of ours to the account; what is in it is left as it is.
func (a *account) own(path string) error {
	if a == nil {
		return nil
	}
	if err := os.Lchown(path, int(a.uid), int(a.gid)); err != nil {
		return fmt.Errorf("giving the database folder to PostgreSQL's user: %w", err)
	}
	return nil
}

// attributes puts a process into its own group, so that Ctrl-C in a terminal reaches Opora alone, and into the account.
func (a *account) attributes() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if a != nil {
		attr.Credential = &syscall.Credential{Uid: a.uid, Gid: a.gid}
	}
	return attr
}

// owner is the user id of a path's owner.
func owner(path string) (uint32, error) {
	st, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	sys, ok := st.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, fmt.Errorf("%s: the system does not tell the owner of files", path)
	}
	return sys.Uid, nil
}
