package account

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/listtest"
)

const webDir = "../../web"

// constants are the values of the constants of a package with a prefix in their names.
func constants(t *testing.T, dir, prefix string) []string {
	t.Helper()
	var texts []string
	for name, text := range listtest.Constants(t, dir, "") {
		if _, name, _ = strings.Cut(name, "."); strings.HasPrefix(name, prefix) {
			texts = append(texts, text)
		}
	}
	return texts
}

// inPages are the matches of an expression in the templates of the pages. The first
// group of the expression is the name.
func inPages(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := os.ReadDir(webDir + "/pages")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, f := range files {
		text, err := os.ReadFile(webDir + "/pages/" + f.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(pattern).FindAllSubmatch(text, -1) {
			found = append(found, string(m[1]))
		}
	}
	return found
}

// TestEveryActionOfAFormIsDone: the actions of the forms, the actions of the route and
// the constants of package web are the same.
func TestEveryActionOfAFormIsDone(t *testing.T) {
	done := slices.Collect(maps.Keys(actions))
	listtest.Agree(t, "the table of actions", done, "package web", constants(t, webDir, "Action"))
	listtest.Agree(t, "the table of actions", done, "the forms", inPages(t, `name="action" value="([^"]+)"`))
	listtest.Agree(t, "the places that one comes back to", places, "package web", constants(t, webDir, "Open"))
	for name, a := range actions {
		if a.do == nil || a.fresh != "" && !slices.Contains(places, a.fresh) {
			t.Errorf("action %q goes on at %q, which the page does not know", name, a.fresh)
		}
	}
}

// TestEverythingDoneHasANotice: each value of the query parameter "done" has a notice.
func TestEverythingDoneHasANotice(t *testing.T) {
	words := slices.Concat(constants(t, ".", "done"), constants(t, webDir, "Done"))
	listtest.Agree(t, "the notices", slices.Collect(maps.Keys(notices)), "the constants", words)
}

// TestEveryActionOfTheTrailHasWords: docs/records.md lists for each action whether
// users see it, and each action that they see has words.
func TestEveryActionOfTheTrailHasWords(t *testing.T) {
	const file = "testdata/records.md" // a link to docs/records.md
	shown := map[string]string{}
	for _, row := range listtest.Table(t, file, "## The trail", "action") {
		for _, action := range listtest.Quoted(row[0]) {
			shown[action] = row[2]
		}
	}
	for action, want := range shown {
		said := words(audit.Entry{Action: audit.Action(action), Outcome: audit.Success}, names{})
		if got := map[bool]string{true: "yes", false: "no"}[said != ""]; got != want {
			t.Errorf("%s is shown to people as %q; docs/records.md says %s", action, said, want)
		}
	}
	for _, table := range [][]audit.Action{
		slices.Collect(maps.Keys(plain)), slices.Collect(maps.Keys(spoken)), slices.Collect(maps.Keys(aside)),
	} {
		for _, action := range table {
			if shown[string(action)] != "yes" {
				t.Errorf("%s has words, and docs/records.md does not say that people see it", action)
			}
		}
	}
	for _, action := range []audit.Action{"grant.create", "grant.end", "passkey.regress"} {
		if said := words(audit.Entry{Action: action, Outcome: audit.Success, Actor: "usr_1", Subject: "usr_2"}, names{}); strings.Contains(said, "administrator") {
			t.Errorf("%s by another one says %q, want no word about who did it", action, said)
		}
	}
}
