package directory

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// Client is one directory. It is safe for concurrent use and connects when it is first asked something.
type Client struct {
	cfg    Config
	search *pool // bound as the service account
	people *pool // bound as whoever signs in; never searched on
	schema atomic.Pointer[schema]
}

// New checks the configuration and makes a client; it does not connect, so a directory that is down stops no start.
func New(cfg Config) (*Client, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	roots, err := cfg.authorities()
	if err != nil {
		return nil, fmt.Errorf("reading the authorities: %w", err)
	}
	d := &dialer{
		urls: cfg.URLs, startTLS: cfg.StartTLS, roots: roots,
		timeout: cfg.DialTimeout, step: cfg.Timeout, failed: make(map[string]time.Time),
	}
	c := &Client{cfg: cfg}
	c.people = newPool(cfg.PoolSize, cfg.Timeout, d.dial)
	c.search = newPool(cfg.PoolSize, cfg.Timeout, func(ctx context.Context) (*conn, error) {
		return c.openService(ctx, d)
	})
	if cfg.Kind != Auto {
		c.schema.Store(cfg.schemaOf(cfg.Kind))
	}
	return c, nil
}

// Close closes the connections that lie idle; those in use are closed when they come back.
func (c *Client) Close() {
	c.search.close()
	c.people.close()
}

func (c *Client) openService(ctx context.Context, d *dialer) (*conn, error) {
	con, err := d.dial(ctx)
	if err != nil {
		return nil, err
	}
	if c.cfg.BindDN == "" {
		return con, nil
	}
	err, _ = con.step(ctx, c.cfg.Timeout, func(con *conn) error { return con.Bind(c.cfg.BindDN, c.cfg.BindPassword) })
	if err != nil {
		con.kill()
		return nil, fmt.Errorf("binding the service account: %w", err)
	}
	return con, nil
}

// schema is the configuration as it holds for the kind of the server.
type schema struct {
	kind   Kind
	attrs  Attributes
	people string // filter
	groups string // filter
}

func (c Config) schemaOf(k Kind) *schema {
	s := &schema{kind: k, attrs: c.Attributes.withDefaults(k), people: c.UserFilter, groups: c.GroupFilter}
	people, groups := defaultFilters(k)
	if s.people == "" {
		s.people = people
	}
	if s.groups == "" {
		s.groups = groups
	}
	return s
}

// withSchema runs f on a connection for searching, after the kind of the server is known.
func (c *Client) withSchema(ctx context.Context, f func(*conn, *schema) error) error {
	return c.search.do(ctx, func(con *conn) error {
		s := c.schema.Load()
		if s == nil {
			root, err := readRootDSE(con)
			if err != nil {
				return err
			}
			s = c.cfg.schemaOf(root.kind)
			c.schema.Store(s)
		}
		return f(con, s)
	})
}

// rootDSE is what a server tells about itself (RFC 4512 §5.1).
type rootDSE struct {
	kind     Kind
	product  string
	controls []string
}

// adCapability marks Active Directory in supportedCapabilities (LDAP_CAP_ACTIVE_DIRECTORY_OID, MS-ADTS 3.1.1.3.4.3).
const adCapability = "1.2.840.113556.1.4.800"

func readRootDSE(con *conn) (rootDSE, error) {
	found, err := con.Search(ldap.NewSearchRequest("", ldap.ScopeBaseObject, ldap.NeverDerefAliases, 1, 0, false,
		"(objectClass=*)", []string{"objectClass", "vendorName", "vendorVersion", "supportedCapabilities", "supportedControl"}, nil))
	if err != nil {
		return rootDSE{}, err
	}
	root := rootDSE{kind: OpenLDAP, product: "LDAP"}
	for _, e := range found.Entries {
		root.controls = e.GetEqualFoldAttributeValues("supportedControl")
		vendor := strings.TrimSpace(e.GetEqualFoldAttributeValue("vendorName") + " " + e.GetEqualFoldAttributeValue("vendorVersion"))
		switch {
		case slices.Contains(e.GetEqualFoldAttributeValues("supportedCapabilities"), adCapability):
			root.kind, root.product = AD, "Active Directory"
			if vendor != "" { // Samba names itself, Microsoft does not
				root.product = vendor
			}
		case vendor != "":
			root.product = vendor
		case slices.Contains(e.GetEqualFoldAttributeValues("objectClass"), "OpenLDAProotDSE"):
			root.product = "OpenLDAP"
		}
	}
	return root, nil
}
