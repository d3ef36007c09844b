package admin_test

import (
	"bufio"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/identity/admin"
)

func TestCheckPassword(t *testing.T) {
	const (
		short   = "is shorter than 8 characters"
		long    = "is longer than 1024 bytes"
		common  = "is one of the most common passwords"
		repeats = "only repeats a few characters"
		row     = "is a simple sequence of keys, letters or digits"
		product = "is too similar to the name of this product"
		person  = "is too similar to the name or email address of the account"
		good    = ""
	)
	tests := []struct{ password, want string }{
		{"", short},
		{"1234567", short},
		{"ünïcödé", short},
		{"ünïcödéß", good},
		{strings.Repeat("long enough ", 86), long},
		{"correct horse battery staple", good},
		{"        x", good}, // used as it is, spaces and all
		{"password", common},
		{"PassWord1", common},
		{"trustno1", common},
		{"iloveyou", common},
		{"password\niloveyou", good},
		{"aaaaaaaaaa", repeats},
		{"abababab", repeats},
		{"xy7!xy7!xy7!x", repeats},
		{"87654321", row},
		{"23456789abc", row},
		{"hgfedcba", row},
		{"ASDFGHJKL;", row},
		{"qwertzuiop", row},
		{"zxcvbnm,./", row},
		{"abcd1234efgh", row},
		{"12345678tiger", good},
		{"Tipstaff2026!", product},
		{"!!tipstaff", product},
		{"tipstaff rides a horse", good},
		{"ann.example", person},
		{"Example2026", person},
		{"AnnExample99", person},
		{"12annann12", person},
		{"annotation-of-87", good},
		{"bluebird.test", person},
	}
	for _, tt := range tests {
		err := admin.CheckPassword(tt.password, "ann.example", "Ann Blu", "ann@bluebird.test")
		got := ""
		if weak, ok := errors.AsType[*admin.WeakError](err); ok {
			got = weak.Reason
		} else if err != nil {
			t.Fatalf("CheckPassword(%q) = %v, want a WeakError or nil", tt.password, err)
		}
		if got != tt.want {
			t.Errorf("CheckPassword(%q) = %q, want %q", tt.password, got, tt.want)
		}
	}
}

// The list of common passwords is in lower case, sorted and unique, has no password that
// another rule refuses, and every password in it is refused.
func TestCommonPasswords(t *testing.T) {
	file, err := os.Open("common.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var list []string
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if line := lines.Text(); !strings.HasPrefix(line, "# ") {
			list = append(list, line)
		}
	}
	if len(list) != 5000 || !slices.IsSorted(list) || len(slices.Compact(slices.Clone(list))) != len(list) {
		t.Errorf("list has %d lines, sorted %v, want 5000 different ones in order", len(list), slices.IsSorted(list))
	}
	for _, p := range list {
		if len(p) < admin.MinPassword || p != strings.ToLower(p) {
			t.Errorf("line %q is too short or not in lower case", p)
		}
		if admin.CheckPassword(p) == nil || admin.CheckPassword(strings.ToUpper(p)) == nil {
			t.Errorf("CheckPassword(%q) = nil, want it refused", p)
		}
	}
}

func FuzzCheckPassword(f *testing.F) {
	for _, s := range []string{"", "ünïcödé!", "abcd\xff\xfe1234", "aaaaaaaa", "annannann"} {
		f.Add(s, "ann")
	}
	f.Fuzz(func(t *testing.T, password, known string) {
		err := admin.CheckPassword(password, known)
		if err != nil && len(password) > 8 && strings.Contains(err.Error(), password) {
			t.Errorf("CheckPassword(%q) = %v, which repeats it", password, err)
		}
	})
}
