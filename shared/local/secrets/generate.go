package secrets

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"github.com/tipstaff/tipstaff/shared/local/cfn"
)

// The characters from which AWS makes passwords.
const (
	lowercase   = "abcdefghijklmnopqrstuvwxyz"
	uppercase   = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits      = "0123456789"
	punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
)

// generate makes up the first value of a secret by the rules of
// GenerateSecretString: a password, alone or as one member of a JSON template.
func generate(g cfn.Generate) (string, error) {
	password, err := password(g)
	if err != nil {
		return "", err
	}
	if (g.SecretStringTemplate == "") != (g.GenerateStringKey == "") {
		return "", errors.New("SecretStringTemplate and GenerateStringKey go together")
	}
	if g.SecretStringTemplate == "" {
		return password, nil
	}
	members := map[string]any{}
	if err := json.Unmarshal([]byte(g.SecretStringTemplate), &members); err != nil {
		return "", fmt.Errorf("SecretStringTemplate is no JSON object: %w", err)
	}
	members[g.GenerateStringKey] = password
	value, err := json.Marshal(members)
	if err != nil {
		return "", fmt.Errorf("encode the generated value: %w", err)
	}
	return string(value), nil
}

func password(g cfn.Generate) (string, error) {
	classes := classes(g)
	all := strings.Join(classes, "")
	if all == "" {
		return "", errors.New("every character is excluded")
	}
	length := g.PasswordLength
	if length == 0 {
		length = 32
	}
	chars := make([]byte, length)
	for i := range chars {
		chars[i] = pick(all)
	}
	if g.RequireEachIncludedType != nil && !*g.RequireEachIncludedType {
		return string(chars), nil
	}
	if length < len(classes) {
		return "", fmt.Errorf("%d characters are too few for %d kinds", length, len(classes))
	}
	// One character of each kind, at places that no two of them share.
	for i, class := range classes {
		j := i + number(length-i)
		chars[i], chars[j] = chars[j], chars[i]
		chars[i] = pick(class)
	}
	for i := range chars {
		j := i + number(length-i)
		chars[i], chars[j] = chars[j], chars[i]
	}
	return string(chars), nil
}

// classes are the kinds of characters that may appear, none of them empty.
func classes(g cfn.Generate) []string {
	var out []string
	for _, class := range []struct {
		chars    string
		excluded bool
	}{
		{lowercase, g.ExcludeLowercase},
		{uppercase, g.ExcludeUppercase},
		{digits, g.ExcludeNumbers},
		{punctuation, g.ExcludePunctuation},
		{" ", !g.IncludeSpace},
	} {
		chars := strings.Map(func(r rune) rune {
			if strings.ContainsRune(g.ExcludeCharacters, r) {
				return -1
			}
			return r
		}, class.chars)
		if chars != "" && !class.excluded {
			out = append(out, chars)
		}
	}
	return out
}

func pick(chars string) byte { return chars[number(len(chars))] }

// number is a random number from 0 to n-1, none more likely than another.
func number(n int) int {
	// rand.Int fails only when its reader does, and rand.Reader never does.
	i, err := rand.Int(rand.Reader, big.NewInt(int64(n)))
	if err != nil {
		panic(err)
	}
	return int(i.Int64())
}
