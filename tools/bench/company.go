package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"opora/auth"
	"opora/internal/db"
)

// The company, by its order of size as that of the real log: about 80 teams, of which one has more than a quarter of the work,
// 5,000 who ask and 100 who answer.
const (
	teamCount    = 80
	peopleCount  = 5_000
	agentCount   = 100
	serviceCount = 30
)

// company is who and what the incidents are about.
type company struct {
	Teams      []int64
	People     []int64 // employees
	Agents     []auth.Actor
	Categories []int64
	Services   []int64
	Admin      auth.Actor
}

// team draws one: the i-th has a share that falls with 1/i^1.1.
func (c *company) team(r *rand.Rand) int {
	total := 0.0
	for i := range c.Teams {
		total += math.Pow(float64(i+1), -1.1)
	}
	at := r.Float64() * total
	for i := range c.Teams {
		if at -= math.Pow(float64(i+1), -1.1); at < 0 {
			return i
		}
	}
	return len(c.Teams) - 1
}

// agentOf is somebody of the team: agent i is in team i (mod 80), and half of all in the first one or the second too.
func (c *company) agentOf(r *rand.Rand, team int) *auth.Actor {
	for {
		a := &c.Agents[r.IntN(len(c.Agents))]
		if a.In(c.Teams[team]) {
			return a
		}
	}
}

func one[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// words are of what people write about, in two of the desk's languages.
var words = strings.Fields(`printer prints blank pages after update network drive cannot be opened since monday password expired account
 locked mail stays in outbox calendar shows wrong time laptop does not start screen flickers docking station headset no sound during
 meeting vpn disconnects every ten minutes file server slow report fails with error access to folder denied new colleague needs
 принтер печатает пустые страницы после обновления сетевой диск не открывается с понедельника пароль истёк учётная запись
 заблокирована почта остаётся в исходящих календарь показывает неверное время ноутбук не включается экран мерцает нет звука
 связь обрывается каждые десять минут отчёт завершается ошибкой доступ к папке запрещён новый сотрудник`)

func text(r *rand.Rand, least, most int) string {
	n := least + r.IntN(most-least+1)
	list := make([]string, n)
	for i := range list {
		list[i] = one(r, words)
	}
	return strings.Join(list, " ")
}

// make puts the company into an empty database.
func (c *company) make(ctx context.Context, q db.Q) error {
	if err := found(ctx, q); err != nil {
		return fmt.Errorf("company: %w", err)
	}
	return c.read(ctx, q)
}
