package oauth_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/oauth"
)

func TestParseScope(t *testing.T) {
	tests := []struct {
		name  string
		value string
		want  []string
		fails bool
	}{
		{name: "absent", value: ""},
		{name: "one", value: "orders:read", want: []string{"orders:read"}},
		{name: "several", value: "a b c", want: []string{"a", "b", "c"}},
		{name: "duplicates", value: "a b a", want: []string{"a", "b"}},
		{name: "two spaces", value: "a  b", fails: true},
		{name: "leading space", value: " a", fails: true},
		{name: "tab", value: "a\tb", fails: true},
		{name: "quote", value: `a"b`, fails: true},
		{name: "backslash", value: `a\b`, fails: true},
		{name: "not ASCII", value: "ä", fails: true},
		{name: "too many", value: many(101), fails: true},
		{name: "as many as allowed", value: many(100), want: strings.Fields(many(100))},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := oauth.ParseScope(tt.value)
			if (err != nil) != tt.fails || !slices.Equal(got, tt.want) {
				t.Errorf("ParseScope(%q) = %v, %v, want %v, fails %v", tt.value, got, err, tt.want, tt.fails)
			}
		})
	}
}

func many(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat("s", i+1) + " ")
	}
	return strings.TrimSpace(b.String())
}
