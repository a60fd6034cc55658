package graph_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-backup/holdfast/ent/database"
	"github.com/holdfast-backup/holdfast/ent/database/databasetest"
)

const whoAmI = `{ me { id email role } tenant { name } }`

func TestSignUpOpensATenantOfItsOwn(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		ada := w.register("Analytical  Engines")
		a := w.ask(ada.token, whoAmI, nil)
		if a.text("me", "id") != ada.id || a.text("me", "role") != "ADMIN" || a.text("tenant", "name") != "Analytical  Engines" {
			t.Errorf("me is %+v", a)
		}
		taken := w.ask("", signUp, map[string]any{"o": " analytical engines ", "e": "b@example.com", "p": password, "c": password})
		expectCode(t, taken, "ORGANIZATION_TAKEN")
		again := w.signIn("ANALYTICAL ENGINES", "Ada@Example.com", password)
		if personOf(again, "signIn").id != ada.id {
			t.Errorf("sign-in by another spelling: %+v", again)
		}
	})
}

func TestSignUpReportsEveryBrokenRule(t *testing.T) {
	t.Parallel()
	w := newWorld(t, databasetest.Either(t))
	for _, c := range []struct {
		email, password, confirm string
		want                     []string
	}{
		{"a@b.c", "short1!", "short1!", []string{"PASSWORD_TOO_SHORT"}},
		{"a@b.c", "12345678", "12345678", []string{"PASSWORD_NEEDS_LETTER", "PASSWORD_NEEDS_SPECIAL"}},
		{"a@b.c", "", "x", []string{"PASSWORD_TOO_SHORT", "PASSWORD_NEEDS_LETTER", "PASSWORD_NEEDS_NUMBER", "PASSWORD_NEEDS_SPECIAL", "PASSWORDS_DIFFER"}},
		{"nobody", "пароль12?", "пароль12?", []string{"INVALID_EMAIL"}},
		{"Eve <a@b.c>", "pass word 1", "pass word 1", []string{"INVALID_EMAIL", "PASSWORD_NEEDS_SPECIAL"}},
	} {
		a := w.ask("", signUp, map[string]any{"o": "Acme", "e": c.email, "p": c.password, "c": c.confirm})
		var got []string
		problems, _ := a.at("signUp", "userErrors").([]any)
		for _, problem := range problems {
			got = append(got, at(problem, "code").(string))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%q, %q: %v, want %v", c.email, c.password, got, c.want)
		}
		if a.at("signUp", "session") != nil {
			t.Error("a refused sign-up opened a session")
		}
	}
	rules := w.ask("", `{ passwordRules { code description pattern } }`, nil)
	if list, _ := rules.at("passwordRules").([]any); len(list) != 4 {
		t.Errorf("rules: %+v", rules)
	}
}

func TestWrongPasswordsLockTheAccount(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.register("Acme")
		unknown := []answer{
			w.signIn("Acme", "bob@example.com", password), w.signIn("Nobody", "ada@example.com", password),
			w.signIn("Acme", "not an address", password), w.signIn("Acme", "ada@example.com", "wrong"),
		}
		for _, a := range unknown {
			expectCode(t, a, "INVALID_CREDENTIALS")
			if a.at("signIn", "userErrors", 0, "message") != unknown[0].at("signIn", "userErrors", 0, "message") {
				t.Error("the message tells what was wrong")
			}
		}
		for range 4 {
			expectCode(t, w.signIn("Acme", "ada@example.com", "wrong"), "INVALID_CREDENTIALS")
		}
		expectCode(t, w.signIn("Acme", "ada@example.com", password), "INVALID_CREDENTIALS")
		w.clock.pass(61 * time.Second)
		expectCode(t, w.signIn("Acme", "ada@example.com", "wrong"), "INVALID_CREDENTIALS")
		w.clock.pass(61 * time.Second)
		expectCode(t, w.signIn("Acme", "ada@example.com", password), "INVALID_CREDENTIALS")
		w.clock.pass(60 * time.Second)
		expectCode(t, w.signIn("Acme", "ada@example.com", password), "")
		expectCode(t, w.signIn("Acme", "ada@example.com", "wrong"), "INVALID_CREDENTIALS")
		expectCode(t, w.signIn("Acme", "ada@example.com", password), "")
	})
}

func TestParallelGuessesCannotSlipPastTheLock(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		w.register("Acme")
		done := make(chan answer)
		for i := range 12 {
			go func() { done <- w.signIn("Acme", "ada@example.com", fmt.Sprint("guess", i)) }()
		}
		for range 12 {
			expectCode(t, <-done, "INVALID_CREDENTIALS")
		}
		expectCode(t, w.signIn("Acme", "ada@example.com", password), "INVALID_CREDENTIALS")
	})
}

func TestTokensThatAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, databasetest.Either(t))
	ada := w.register("Acme")
	header, claims, signature := cutToken(ada.token)
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`))
	stranger := newWorld(t, databasetest.Either(t)).register("Acme")
	for name, token := range map[string]string{
		"none": "", "garbage": "x.y.z", "alg:none": none + "." + claims + ".", "alg:none, signed": none + "." + claims + "." + signature,
		"other claims": header + "." + forged(t, claims) + "." + signature, "another server's": stranger.token, "refresh token": ada.refresh,
	} {
		t.Run(name, func(t *testing.T) { expectCode(t, w.ask(token, whoAmI, nil), "UNAUTHENTICATED") })
	}
	expectCode(t, w.ask(ada.token, whoAmI, nil), "")
	w.clock.pass(11 * time.Minute)
	expectCode(t, w.ask(ada.token, whoAmI, nil), "UNAUTHENTICATED")
}

func cutToken(token string) (header, claims, signature string) {
	parts := strings.Split(token, ".")
	return parts[0], parts[1], parts[2]
}

// forged are the same claims, good for ever.
func forged(t *testing.T, claims string) string {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(claims)
	check(t, err)
	var values map[string]any
	check(t, json.Unmarshal(text, &values))
	values["exp"] = 4102444800
	text, err = json.Marshal(values)
	check(t, err)
	return base64.RawURLEncoding.EncodeToString(text)
}

const refreshSession = `mutation($t: String!) { sessionRefresh(input: {refreshToken: $t}) {
  session { accessToken refreshToken user { id } } userErrors { code } } }`

func TestARefreshTokenIsGoodOnce(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		first := w.register("Acme")
		second := personOf(w.ask("", refreshSession, map[string]any{"t": first.refresh}), "sessionRefresh")
		third := personOf(w.ask("", refreshSession, map[string]any{"t": second.refresh}), "sessionRefresh")
		expectCode(t, w.ask(third.token, whoAmI, nil), "")
		expectCode(t, w.ask("", refreshSession, map[string]any{"t": third.refresh + "x"}), "SESSION_ENDED")
		expectCode(t, w.ask(third.token, whoAmI, nil), "")

		expectCode(t, w.ask("", refreshSession, map[string]any{"t": first.refresh}), "REFRESH_TOKEN_REUSED")
		expectCode(t, w.ask(third.token, whoAmI, nil), "UNAUTHENTICATED")
		expectCode(t, w.ask("", refreshSession, map[string]any{"t": third.refresh}), "SESSION_ENDED")
	})
}

func TestSignOutAndOldAgeEndASession(t *testing.T) {
	t.Parallel()
	w := newWorld(t, databasetest.Either(t))
	ada := w.register("Acme")
	other := personOf(w.signIn("Acme", "ada@example.com", password), "signIn")
	signOut := `mutation($t: String!) { signOut(input: {refreshToken: $t}) { userErrors { code } } }`
	expectCode(t, w.ask("", signOut, map[string]any{"t": ada.refresh}), "")
	expectCode(t, w.ask(ada.token, whoAmI, nil), "UNAUTHENTICATED")
	expectCode(t, w.ask(other.token, whoAmI, nil), "")
	w.clock.pass(31 * 24 * time.Hour)
	expectCode(t, w.ask("", refreshSession, map[string]any{"t": other.refresh}), "SESSION_ENDED")
}

const changeRole = `mutation($u: ID!, $r: Role!) { userRoleChange(input: {userId: $u, role: $r}) { user { role } userErrors { code } } }`

func TestRoles(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		ada := w.register("Acme")
		bob := w.hire(ada, "Acme", "bob@example.com", "VIEWER")
		users := `{ users { totalCount edges { node { email } } } }`
		expectCode(t, w.ask(bob.token, users, nil), "FORBIDDEN")
		expectCode(t, w.ask(bob.token, `query($id: ID!) { node(id: $id) { id } }`, map[string]any{"id": ada.id}), "FORBIDDEN")
		expectCode(t, w.ask(bob.token, createUser, map[string]any{"e": "c@example.com", "p": password, "r": "ADMIN"}), "FORBIDDEN")
		expectCode(t, w.ask(ada.token, createUser, map[string]any{"e": "bob@example.com", "p": password, "r": "ADMIN"}), "EMAIL_TAKEN")
		if a := w.ask(ada.token, users, nil); a.at("users", "totalCount") != 2.0 {
			t.Errorf("users: %+v", a)
		}
		expectCode(t, w.ask(ada.token, changeRole, map[string]any{"u": ada.id, "r": "VIEWER"}), "LAST_ADMIN")
		expectCode(t, w.ask(ada.token, changeRole, map[string]any{"u": bob.id, "r": "ADMIN"}), "")
		expectCode(t, w.ask(bob.token, users, nil), "")
		expectCode(t, w.ask(bob.token, changeRole, map[string]any{"u": ada.id, "r": "OPERATOR"}), "")
		expectCode(t, w.ask(ada.token, users, nil), "FORBIDDEN")
	})
}

func TestTwoAdministratorsCannotDemoteEachOther(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		ada := w.register("Acme")
		bob := w.hire(ada, "Acme", "bob@example.com", "ADMIN")
		done := make(chan answer)
		go func() { done <- w.ask(ada.token, changeRole, map[string]any{"u": bob.id, "r": "VIEWER"}) }()
		go func() { done <- w.ask(bob.token, changeRole, map[string]any{"u": ada.id, "r": "VIEWER"}) }()
		<-done
		<-done
		left := 0
		for _, p := range []person{ada, bob} {
			if w.ask(p.token, whoAmI, nil).text("me", "role") == "ADMIN" {
				left++
			}
		}
		if left != 1 {
			t.Errorf("%d administrators are left, want 1", left)
		}
	})
}

func TestEveryMutationIsAudited(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		ada := w.register("Acme")
		bob := w.hire(ada, "Acme", "bob@example.com", "VIEWER")
		w.signIn("Acme", "bob@example.com", "wrong")
		w.ask(bob.token, changeRole, map[string]any{"u": bob.id, "r": "ADMIN"})
		w.ask(ada.token, changeRole, map[string]any{"u": bob.id, "r": "OPERATOR"})
		a := w.ask(ada.token, `{ auditEntries { edges { node { actor action target outcome details { name value } } } } }`, nil)
		var got []string
		edges, _ := a.at("auditEntries", "edges").([]any)
		for _, edge := range edges {
			entry := at(edge, "node")
			got = append(got, fmt.Sprint(at(entry, "actor"), " ", at(entry, "action"), " ", at(entry, "target"), " ", at(entry, "outcome")))
		}
		want := []string{
			ada.id + " userRoleChange " + bob.id + " OK",
			bob.id + " userRoleChange " + bob.id + " FORBIDDEN",
			bob.id + " signIn  INVALID_CREDENTIALS",
			bob.id + " signIn  OK",
			ada.id + " userCreate " + bob.id + " OK",
			ada.id + " signUp  OK",
		}
		if !slices.Equal(got, want) {
			t.Errorf("trail:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		if text := fmt.Sprint(a); strings.Contains(text, password) {
			t.Error("the trail holds a password")
		}
	})
}
