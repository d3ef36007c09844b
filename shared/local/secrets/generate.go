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

// passwordLength is how many characters AWS generates by default.
const passwordLength = 32

// classes are the kinds of characters from which AWS makes a password by
// default. A password has at least one character of each.
var classes = []string{
	"abcdefghijklmnopqrstuvwxyz",
	"ABCDEFGHIJKLMNOPQRSTUVWXYZ",
	"0123456789",
	"!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
}

// generate makes the first value of a secret: the JSON object of the template
// with a random password as one more member.
func generate(g cfn.Generate) (string, error) {
	var members map[string]any
	if err := json.Unmarshal([]byte(g.SecretStringTemplate), &members); err != nil {
		return "", fmt.Errorf("SecretStringTemplate is not a JSON object: %w", err)
	}
	if members == nil {
		return "", errors.New("SecretStringTemplate is null")
	}
	members[g.GenerateStringKey] = password()
	value, err := json.Marshal(members)
	if err != nil {
		return "", fmt.Errorf("encode the generated value: %w", err)
	}
	return string(value), nil
}

func password() string {
	all := strings.Join(classes, "")
	chars := make([]byte, passwordLength)
	for i := range chars {
		if i < len(classes) {
			chars[i] = pick(classes[i])
		} else {
			chars[i] = pick(all)
		}
	}
	for i := range chars {
		j := i + number(len(chars)-i)
		chars[i], chars[j] = chars[j], chars[i]
	}
	return string(chars)
}

func pick(chars string) byte { return chars[number(len(chars))] }

// number is a random number from 0 to n-1. All are equally likely.
func number(n int) int {
	// rand.Int returns the error of its reader, and rand.Reader never has one.
	i, err := rand.Int(rand.Reader, big.NewInt(int64(n)))
	if err != nil {
		panic(err)
	}
	return int(i.Int64())
}
