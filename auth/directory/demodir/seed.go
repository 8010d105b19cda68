package demodir

import (
	"fmt"
	"strings"

	"github.com/google/uuid"
)

// Password is the password of everybody in the demo company, and of nobody else.
const Password = "demo"

const (
	baseDN     = "dc=kestrel,dc=example"
	peopleDN   = "ou=people," + baseDN
	groupsDN   = "ou=groups," + baseDN
	serviceDN  = "cn=opora,ou=services," + baseDN
	mailDomain = "kestrel.example"
)

// rootDSE is what the server tells about itself to everybody.
var rootDSE = entry{Attributes: map[string][]string{
	"objectClass":          {"top"},
	"namingContexts":       {baseDN},
	"supportedLDAPVersion": {"3"},
	"supportedControl":     {"1.2.840.113556.1.4.319", "1.3.6.1.4.1.42.2.27.8.5.1"},
	"supportedExtension":   {passwordModify},
	"vendorName":           {"Opora"},
	"vendorVersion":        {"demo directory"},
}}

// Account is somebody of the demo company worth signing in as.
type Account struct{ Login, Name, Role string }

// Accounts are those that the demo shows first, one for each role; everybody signs in with Password.
func Accounts() []Account {
	return []Account{
		{"anna", "Анна Шевчук", "employee"},
		{"boris", "Борис Климов", "agent, network team"},
		{"olena", "Олена Ткаченко", "team lead, network team"},
		{"petro", "Петро Савчук", "problem manager"},
		{"irina", "Ирина Волкова", "change manager"},
		{"oliver", "Oliver Grant", "configuration manager"},
		{"maria", "Мария Белова", "administrator"},
		{"victor", "Виктор Носов", "auditor"},
	}
}

// person is one line of the company; given name and surname come from the name.
type person struct {
	login, name, language, title, department, location, manager string
}

// people are invented. Logins are plain ASCII, names are written as their owners write them.
var people = []person{
	{"oksana", "Оксана Лисенко", "uk", "Chief Executive Officer", "Management", "Kyiv", ""},
	{"daniel", "Daniel Hughes", "en", "Chief Operating Officer", "Management", "London", "oksana"},
	{"marat", "Марат Ахметов", "ru", "Regional Director", "Management", "Almaty", "oksana"},

	{"helen", "Helen Carter", "en", "Head of IT", "IT", "London", "daniel"},
	{"maria", "Мария Белова", "ru", "System Administrator", "IT", "Berlin", "helen"},
	{"taras", "Тарас Гончар", "uk", "Service Desk Lead", "IT", "Kyiv", "helen"},
	{"polina", "Полина Орлова", "ru", "Service Desk Analyst", "IT", "Almaty", "taras"},
	{"sophie", "Sophie Wells", "en", "Service Desk Analyst", "IT", "London", "taras"},
	{"yaroslav", "Ярослав Кузьменко", "uk", "Service Desk Analyst", "IT", "Kyiv", "taras"},
	{"olena", "Олена Ткаченко", "uk", "Network Team Lead", "IT", "Kyiv", "helen"},
	{"boris", "Борис Климов", "ru", "Network Engineer", "IT", "Almaty", "olena"},
	{"ihor", "Ігор Мельник", "uk", "Network Engineer", "IT", "Kyiv", "olena"},
	{"lukas", "Lukas Brandt", "en", "Workplace Lead", "IT", "Berlin", "helen"},
	{"artem", "Артём Соколов", "ru", "Workplace Technician", "IT", "Almaty", "lukas"},
	{"emma", "Emma Fischer", "en", "Workplace Technician", "IT", "Berlin", "lukas"},
	{"svitlana", "Світлана Бондаренко", "uk", "Applications Lead", "IT", "Kyiv", "helen"},
	{"timur", "Тимур Сапаров", "ru", "Application Engineer", "IT", "Almaty", "svitlana"},
	{"george", "George Bennett", "en", "Application Engineer", "IT", "London", "svitlana"},
	{"petro", "Петро Савчук", "uk", "Problem Manager", "IT", "Kyiv", "helen"},
	{"irina", "Ирина Волкова", "ru", "Change Manager", "IT", "Almaty", "helen"},
	{"oliver", "Oliver Grant", "en", "Configuration Manager", "IT", "London", "helen"},

	{"kateryna", "Катерина Мороз", "uk", "Chief Accountant", "Finance", "Kyiv", "oksana"},
	{"anna", "Анна Шевчук", "uk", "Accountant", "Finance", "Kyiv", "kateryna"},
	{"galina", "Галина Зайцева", "ru", "Accountant", "Finance", "Almaty", "kateryna"},
	{"thomas", "Thomas Reed", "en", "Financial Analyst", "Finance", "London", "kateryna"},
	{"victor", "Виктор Носов", "ru", "Internal Auditor", "Internal Audit", "Almaty", "oksana"},

	{"charlotte", "Charlotte Morgan", "en", "Head of Sales", "Sales", "London", "daniel"},
	{"denys", "Денис Поліщук", "uk", "Sales Manager", "Sales", "Kyiv", "charlotte"},
	{"alina", "Алина Юсупова", "ru", "Sales Manager", "Sales", "Almaty", "charlotte"},
	{"jonas", "Jonas Keller", "en", "Account Manager", "Sales", "Berlin", "charlotte"},

	{"yulia", "Юлія Гнатюк", "uk", "Head of People", "People", "Kyiv", "oksana"},
	{"ruslan", "Руслан Тимофеев", "ru", "People Partner", "People", "Almaty", "yulia"},
	{"grace", "Grace Palmer", "en", "Recruiter", "People", "London", "yulia"},

	{"mykola", "Микола Ґудзь", "uk", "Warehouse Manager", "Logistics", "Lviv", "daniel"},
	{"stepan", "Степан Їжак", "uk", "Warehouse Operator", "Logistics", "Lviv", "mykola"},
	{"evgeny", "Евгений Фролов", "ru", "Dispatcher", "Logistics", "Almaty", "mykola"},
	{"hannah", "Hannah Schmidt", "en", "Logistics Planner", "Logistics", "Berlin", "mykola"},

	{"bohdan", "Богдан Яременко", "uk", "Chief Engineer", "Engineering", "Kyiv", "oksana"},
	{"lyudmila", "Людмила Ершова", "ru", "Design Engineer", "Engineering", "Almaty", "bohdan"},
	{"peter", "Peter Novak", "en", "Design Engineer", "Engineering", "Berlin", "bohdan"},
	{"amelia", "Amelia Stone", "en", "Legal Counsel", "Legal", "London", "daniel"},
	{"roman", "Роман Дяченко", "uk", "Design Engineer", "Engineering", "Kyiv", "bohdan"},
}

// left are people who left the company: their accounts are disabled.
var left = map[string]bool{"roman": true}

// withoutMail are people who have an account but no mailbox.
var withoutMail = map[string]bool{"stepan": true}

// groups hold logins and, with an @ before them, other groups.
var groups = []struct{ name, description, members string }{
	{"team-servicedesk", "Service desk", "taras polina sophie yaroslav"},
	{"team-network", "Network", "olena boris ihor"},
	{"team-workplace", "Workplace", "lukas artem emma"},
	{"team-applications", "Applications", "svitlana timur george"},
	{"opora-agents", "Opora: agents", "@team-servicedesk @team-network @team-workplace @team-applications petro irina oliver"},
	{"opora-leads", "Opora: team leads", "taras olena lukas svitlana"},
	{"opora-problem-managers", "Opora: problem managers", "petro"},
	{"opora-change-managers", "Opora: change managers", "irina"},
	{"opora-config-managers", "Opora: configuration managers", "oliver"},
	{"opora-admins", "Opora: administrators", "maria"},
	{"opora-auditors", "Opora: auditors", "victor"},
	{"it", "IT", "@opora-agents helen maria"},
}

var phonePrefix = map[string]string{
	"Kyiv": "+380 44 555 01 ", "Lviv": "+380 32 555 01 ", "Almaty": "+7 727 555 01 ", "Berlin": "+49 30 5550 1", "London": "+44 20 7946 01",
}

func personDN(login string) string { return "uid=" + login + "," + peopleDN }
func groupDN(name string) string   { return "cn=" + name + "," + groupsDN }

// company is the directory of the demo company Kestrel. The ids come from the DNs, so that a demo begun anew knows its
// people again.
func company() []entry {
	entries := []entry{
		newEntry(baseDN, "objectClass", "top dcObject organization", "dc", "kestrel", "o", "Kestrel"),
		newEntry(peopleDN, "objectClass", "top organizationalUnit", "ou", "people"),
		newEntry(groupsDN, "objectClass", "top organizationalUnit", "ou", "groups"),
	}
	for i, p := range people {
		entries = append(entries, p.entry(i))
	}
	for _, g := range groups {
		e := newEntry(groupDN(g.name), "objectClass", "top groupOfNames", "cn", g.name)
		e.Attributes["description"] = []string{g.description}
		for _, m := range strings.Fields(g.members) {
			dn := personDN(m)
			if name, nested := strings.CutPrefix(m, "@"); nested {
				dn = groupDN(name)
			}
			e.Attributes["member"] = append(e.Attributes["member"], dn)
		}
		entries = append(entries, e)
	}
	return entries
}

func (p person) entry(number int) entry {
	given, surname, _ := strings.Cut(p.name, " ")
	e := newEntry(personDN(p.login), "objectClass", "top person organizationalPerson inetOrgPerson", "uid", p.login,
		"preferredLanguage", p.language, "l", p.location)
	for name, value := range map[string]string{
		"cn": p.name, "displayName": p.name, "givenName": given, "sn": surname, "title": p.title, "ou": p.department,
		"telephoneNumber": fmt.Sprintf("%s%02d", phonePrefix[p.location], number),
	} {
		e.Attributes[name] = []string{value}
	}
	if p.manager != "" {
		e.Attributes["manager"] = []string{personDN(p.manager)}
	}
	if !withoutMail[p.login] {
		e.Attributes["mail"] = []string{p.login + "@" + mailDomain}
	}
	if left[p.login] {
		e.Attributes["pwdAccountLockedTime"] = []string{"000001010000Z"}
	}
	e.Password = hashPassword(Password)
	return e
}

// newEntry makes an entry of pairs name, value; a value of several words is several values.
func newEntry(dn string, pairs ...string) entry {
	id := uuid.NewSHA1(uuid.NameSpaceX500, []byte(dn))
	e := entry{DN: dn, Attributes: map[string][]string{"entryUUID": {id.String()}}}
	for i := 0; i < len(pairs); i += 2 {
		e.Attributes[pairs[i]] = strings.Fields(pairs[i+1])
	}
	return e
}
