package listtest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/listtest"
)

type place struct{ Street, Town string }

type plant struct {
	Name, Kind string
	Leaves     int
	Height     float64
	Seen       time.Time
	Kept       time.Duration
	Dried      bool
	Label      json.RawMessage
	Hash       [4]byte
	Tags       []string
	Places     []place
	Owner      *place
	Notes      map[string]string
	place
	hidden uint32
}

func TestFilledSetsEveryField(t *testing.T) {
	p := listtest.Filled[plant](nil)
	v := reflect.ValueOf(p).Elem()
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			t.Errorf("Filled left %s as it was: %+v", v.Type().Field(i).Name, p)
		}
	}
	texts := []string{p.Name, p.Kind, p.Street, p.Town, p.Tags[0], p.Tags[1], p.Places[0].Street, p.Places[1].Town, p.Owner.Town}
	if slices.Sort(texts); len(slices.Compact(texts)) != 9 {
		t.Errorf("Filled has set two texts to the same: %q", texts)
	}
	if p = listtest.Filled(func(p *plant) { p.Name = "fern" }); p.Name != "fern" || p.Kind == "" {
		t.Errorf("Filled with a change = %+v, want the name changed and nothing else", p)
	}
	if p = listtest.Filled[plant](nil, "Name", "place"); p.Name != "" || p.Town != "" || p.Kind == "" {
		t.Errorf("Filled without two fields = %+v, want these left as they were", p)
	}
}

func TestDifferencesNamesTheFields(t *testing.T) {
	for name, change := range map[string]func(*plant){
		"Name": func(p *plant) { p.Name = "" }, "Seen": func(p *plant) { p.Seen = p.Seen.Add(1) }, "hidden": func(p *plant) { p.hidden = 0 },
		"place.Town": func(p *plant) { p.Town = "" }, "Places": func(p *plant) { p.Places[1].Street = "" }, "Owner": func(p *plant) { p.Owner.Town = "" },
		"Label": func(p *plant) { p.Label = nil }, "Hash": func(p *plant) { p.Hash[3]++ }, "Notes": func(p *plant) { p.Notes = nil },
	} {
		if got := listtest.Differences(listtest.Filled(change), listtest.Filled[plant](nil)); !slices.Equal(got, []string{name}) {
			t.Errorf("Differences after a change of %s = %q", name, got)
		}
	}
	if got := listtest.Differences(listtest.Filled[plant](nil), listtest.Filled[plant](nil)); got != nil {
		t.Errorf("Differences of the same = %q, want none", got)
	}
	if got := listtest.Differences(nil, listtest.Filled[plant](nil)); len(got) != 1 {
		t.Errorf("Differences of nothing and something = %q, want one", got)
	}
}

// recorder is a test that keeps what it is told.
type recorder struct {
	testing.TB
	said []string
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.said = append(r.said, fmt.Sprintf(format, args...))
}

func TestAgreeNamesWhatIsMissing(t *testing.T) {
	for _, tt := range []struct{ names, others, want []string }{
		{[]string{"a", "b"}, []string{"b", "a", "a"}, nil},
		{[]string{"a", "b", "b"}, []string{"a"}, []string{`here has "b", which there has not`}},
		{[]string{"a"}, []string{"c", "a", "d"}, []string{`there has "c", which here has not`, `there has "d", which here has not`}},
		{nil, nil, []string{"here has 0 names and there has 0, want some of both"}},
		{[]string{"a"}, nil, []string{"here has 1 names and there has 0, want some of both"}},
	} {
		r := &recorder{}
		if listtest.Agree(r, "here", tt.names, "there", tt.others); !slices.Equal(r.said, tt.want) {
			t.Errorf("Agree(%q, %q) says %q, want %q", tt.names, tt.others, r.said, tt.want)
		}
	}
}

func TestTableReadsItsSection(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.md")
	text := strings.ReplaceAll(`# A

| x | y |
|---|---|
| 'no' | |

## B

| field | meaning |
|---|:--|
| 'one', 'two' | it is 'three' or \| |

'''sh
# no heading
'''

### C

| field |
|---|
| 'four' |

| other |
|---|
| 'six' |

## D

| 'five' | |
`, "'", "`")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	rows := listtest.Table(t, file, "## B", "field")
	if want := [][]string{{"`one`, `two`", "it is `three` or |"}, {"`four`"}}; !reflect.DeepEqual(rows, want) {
		t.Errorf("Table = %q, want %q", rows, want)
	}
	if got := listtest.Column(rows, 0); !slices.Equal(got, []string{"one", "two", "four"}) {
		t.Errorf("Column 0 = %q", got)
	}
	if got := listtest.Column(rows, 1); !slices.Equal(got, []string{"three"}) {
		t.Errorf("Column 1 = %q", got)
	}
}

func TestConstantsFindsThoseOfAType(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a/a.go":      "package a\nconst (\n\tOne Word = \"one\"\n\tOther = \"other\"\n)\ntype Word string\n",
		"b/b.go":      "package b\nimport \"x/a\"\nconst Two, Three a.Word = \"two\", \"three\"\nvar V a.Word = \"v\"\n",
		"b/b_test.go": "package b\nimport \"x/a\"\nconst Four a.Word = \"four\"\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]string{"a.One": "one", "b.Two": "two", "b.Three": "three"}
	if got := listtest.Constants(t, dir, "Word", "a.Word"); !reflect.DeepEqual(got, want) {
		t.Errorf("Constants = %v, want %v", got, want)
	}
}

func TestLayout(t *testing.T) {
	text := &types.AttributeValueMemberS{Value: "a"}
	got := listtest.Layout(map[string]types.AttributeValue{
		"id": text, "n": &types.AttributeValueMemberN{Value: "1"}, "on": &types.AttributeValueMemberBOOL{},
		"all": &types.AttributeValueMemberL{Value: []types.AttributeValue{&types.AttributeValueMemberM{
			Value: map[string]types.AttributeValue{"b": &types.AttributeValueMemberB{}, "a": text},
		}}},
		"none": &types.AttributeValueMemberL{},
		"pk":   &types.AttributeValueMemberS{Value: "plant#fern#1"}, "sk": &types.AttributeValueMemberS{Value: "plant"},
	})
	if want := "all L {a S, b B}, id S, n N, none L, on BOOL, pk plant#, sk plant"; got != want {
		t.Errorf("Layout = %q, want %q", got, want)
	}
}

func TestSpoilNamesWhatIsTaken(t *testing.T) {
	text := &types.AttributeValueMemberS{Value: "a"}
	r := &recorder{}
	listtest.Spoil(r, map[string]types.AttributeValue{"a": text, "b": text, "c": text}, func(item map[string]types.AttributeValue) error {
		if _, ok := item["a"].(*types.AttributeValueMemberS); !ok {
			return errors.New("a is no text")
		}
		return nil
	}, "c")
	if want := []string{"an item with the attribute b of another type is read without an error"}; !slices.Equal(r.said, want) {
		t.Errorf("Spoil says %q, want %q", r.said, want)
	}
}
