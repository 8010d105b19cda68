package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"opora/auth"
	"opora/cmdb"
	"opora/internal/locale"
	"opora/itsm"
)

// demoCompany is what stands in company.yaml. All people are named by their logins.
type demoCompany struct {
	Roles map[string]auth.Role `yaml:"roles"` // by group of the directory
	Sites []struct {
		Code string      `yaml:"code"`
		Name locale.Text `yaml:"name"`
		Zone string      `yaml:"zone"`
	} `yaml:"sites"`
	Teams []struct {
		Code  string      `yaml:"code"`
		Name  locale.Text `yaml:"name"`
		Mail  string      `yaml:"mail"`
		Group string      `yaml:"group"`
		Lead  string      `yaml:"lead"`
	} `yaml:"teams"`
	People     []string          `yaml:"people"`     // managers before their reports
	Categories map[string]string `yaml:"categories"` // team by the beginning of the category's code
	Further    []struct {
		Parent       string      `yaml:"parent"`
		Code         string      `yaml:"code"`
		Name         locale.Text `yaml:"name"`
		Confidential bool        `yaml:"confidential"`
	} `yaml:"further_categories"`
	Items []struct {
		Tag         string      `yaml:"tag"`
		Class       cmdb.Class  `yaml:"class"`
		Name        locale.Text `yaml:"name"`
		Criticality int         `yaml:"criticality"`
		Owner       string      `yaml:"owner"`
		Team        string      `yaml:"team"`
		Policy      string      `yaml:"policy"`
	} `yaml:"items"`
}

func readCompany() (demoCompany, error) {
	var c demoCompany
	return c, readDemo("demo/company.yaml", &c)
}

// demoIDs are the ids of what the story names, by code, login or tag.
type demoIDs struct {
	teamIDs, categoryIDs, itemIDs map[string]int64
	cast                          map[string]auth.Actor
}

// found makes what lacks of the company. It may be called again after it was interrupted.
func (d *demo) found(ctx context.Context, c *demoCompany) (ids demoIDs, err error) {
	if err := d.foundSites(ctx, c); err != nil {
		return ids, err
	}
	if ids.teamIDs, err = d.foundTeams(ctx, c); err != nil {
		return ids, err
	}
	if ids.cast, err = d.bringPeople(ctx, c); err != nil {
		return ids, err
	}
	if err := d.nameLeads(ctx, c, ids.cast); err != nil {
		return ids, err
	}
	if ids.categoryIDs, err = d.foundCategories(ctx, c, ids.teamIDs); err != nil {
		return ids, err
	}
	ids.itemIDs, err = d.foundItems(ctx, c, ids)
	return ids, err
}

func (d *demo) foundSites(ctx context.Context, c *demoCompany) error {
	var sites []auth.Site
	for _, s := range c.Sites {
		sites = append(sites, auth.Site{Code: s.Code, Name: s.Name, Timezone: s.Zone})
	}
	return d.auth.EnsureSites(ctx, auth.MachineActor(), sites)
}

func (d *demo) foundTeams(ctx context.Context, c *demoCompany) (map[string]int64, error) {
	var teams []auth.TeamSeed
	for _, t := range c.Teams {
		teams = append(teams, auth.TeamSeed{Code: t.Code, Name: t.Name, Mail: t.Mail, Group: t.Group})
	}
	return d.auth.EnsureTeams(ctx, auth.MachineActor(), teams)
}

// bringPeople takes everybody out of the directory and returns them as they act.
func (d *demo) bringPeople(ctx context.Context, c *demoCompany) (map[string]auth.Actor, error) {
	machine := auth.MachineActor()
	sites, err := d.auth.Sites(ctx)
	if err != nil {
		return nil, err
	}
	zones := map[int64]*time.Location{}
	for _, s := range sites {
		if zones[s.ID], err = time.LoadLocation(s.Timezone); err != nil {
			return nil, fmt.Errorf("site %s: %w", s.Code, err)
		}
	}
	cast := map[string]auth.Actor{}
	for _, login := range c.People {
		id, err := d.auth.EnsurePerson(ctx, machine, login)
		if err != nil {
			return nil, fmt.Errorf("bringing %s: %w", login, err)
		}
		p, err := d.auth.Person(ctx, machine, id)
		if err != nil {
			return nil, fmt.Errorf("bringing %s: %w", login, err)
		}
		a := auth.Actor{ID: id, Login: p.Login, Name: p.Name, Channel: auth.Portal, Language: p.DirectoryLanguage, Zone: zones[p.SiteID]}
		if a.Zone == nil {
			return nil, fmt.Errorf("bringing %s: no site is called %q", login, p.Location)
		}
		for _, r := range p.Roles {
			a.Roles = append(a.Roles, r.Role)
		}
		for _, t := range p.Teams {
			a.Teams = append(a.Teams, t.TeamID)
		}
		if a.Staff() {
			a.Channel = auth.Desk
		}
		cast[login] = a
	}
	return cast, nil
}

func (d *demo) nameLeads(ctx context.Context, c *demoCompany, cast map[string]auth.Actor) error {
	teams, err := d.auth.Teams(ctx)
	if err != nil {
		return err
	}
	leads := map[string]string{}
	for _, t := range c.Teams {
		leads[t.Code] = t.Lead
	}
	for _, t := range teams {
		if lead, ok := cast[leads[t.Code]]; ok && t.LeadID == 0 {
			t.LeadID = lead.ID
			if _, err := d.auth.SaveTeam(ctx, auth.MachineActor(), t); err != nil {
				return fmt.Errorf("naming the lead of %s: %w", t.Code, err)
			}
		}
	}
	return nil
}

// foundCategories adds the company's own categories and gives each its team.
func (d *demo) foundCategories(ctx context.Context, c *demoCompany, teams map[string]int64) (map[string]int64, error) {
	machine := auth.MachineActor()
	list, err := d.tickets.Categories(ctx, machine, itsm.AllCategories)
	if err != nil {
		return nil, err
	}
	ids := map[string]int64{}
	for _, cat := range list {
		ids[cat.Code] = cat.ID
	}
	for _, f := range c.Further {
		if ids[f.Code] == 0 {
			list = append(list, itsm.Category{
				ParentID: ids[f.Parent], Code: f.Code, Name: f.Name, Confidential: f.Confidential, Portal: true, Position: 100,
			})
		}
	}
	for _, cat := range list {
		root, _, _ := strings.Cut(cat.Code, "-")
		if cat.ID != 0 && cat.TeamID != 0 {
			continue
		}
		cat.TeamID = teams[c.Categories[root]]
		cat.Active = true // a confidential one is not, as long as it belongs to nobody
		saved, err := d.tickets.SaveCategory(ctx, machine, cat)
		if err != nil {
			return nil, fmt.Errorf("category %s: %w", cat.Code, err)
		}
		ids[saved.Code] = saved.ID
	}
	return ids, nil
}

func (d *demo) foundItems(ctx context.Context, c *demoCompany, ids demoIDs) (map[string]int64, error) {
	machine := auth.MachineActor()
	policies, err := d.tickets.Policies(ctx, machine)
	if err != nil {
		return nil, err
	}
	policy := map[string]int64{}
	for _, p := range policies {
		policy[p.Code] = p.ID
	}
	have, more, err := d.items.List(ctx, machine, cmdb.Filter{Retired: true, Limit: cmdb.MaxList})
	if err != nil {
		return nil, err
	}
	if more {
		return nil, fmt.Errorf("the demo company has more than %d items", cmdb.MaxList)
	}
	items := map[string]int64{}
	for _, i := range have {
		items[i.Tag] = i.ID
	}
	for _, i := range c.Items {
		if items[i.Tag] != 0 {
			continue
		}
		saved, err := d.items.Save(ctx, machine, cmdb.Item{
			Class: i.Class, Name: i.Name, Tag: i.Tag, Criticality: cmp.Or(i.Criticality, cmdb.UsualCriticality), OwnerID: ids.cast[i.Owner].ID,
			TeamID: ids.teamIDs[i.Team], PolicyID: policy[i.Policy], Active: true,
		})
		if err != nil {
			return nil, fmt.Errorf("item %s: %w", i.Tag, err)
		}
		items[i.Tag] = saved.ID
	}
	return items, nil
}
