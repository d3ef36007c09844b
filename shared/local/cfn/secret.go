package cfn

import (
	"slices"
	"strconv"
)

// Secret is an AWS::SecretsManager::Secret.
type Secret struct {
	Name        string
	ARN         string
	Description string
	// Generate tells how the first value is made. It is nil when a secret has
	// no rule for that, which no template does.
	Generate *Generate
	// Value is the first value of a secret without a rule. It is nil when such
	// a secret begins without a value. A template never has one: the value
	// would be readable in it.
	Value *string
}

// Generate is the property GenerateSecretString of a secret: AWS makes a random
// password with the default rules and adds it to a JSON object.
type Generate struct {
	// SecretStringTemplate is the JSON object.
	SecretStringTemplate string
	// GenerateStringKey names the member that gets the password.
	GenerateStringKey string
}

// Rotation is an AWS::SecretsManager::RotationSchedule.
type Rotation struct {
	// Secret is the ARN of the secret.
	Secret string
	// Function is the name of the rotation function.
	Function string
	// FunctionARN is the ARN of the rotation function.
	FunctionARN string
	// Days is the time between two rotations.
	Days int
	// Immediately is true when AWS rotates as soon as the schedule exists.
	Immediately bool
}

func readSecret(o *object) Secret {
	s := Secret{Name: o.text("Name"), Description: o.text("Description")}
	s.ARN = o.r.place.SecretARN(s.Name)
	rule := o.object("GenerateSecretString")
	s.Generate = &Generate{
		SecretStringTemplate: rule.text("SecretStringTemplate"),
		GenerateStringKey:    rule.text("GenerateStringKey"),
	}
	return s
}

func (s *Stage) readRotation(o *object) Rotation {
	r := Rotation{
		Secret:      o.text("SecretId"),
		Function:    s.function(o, "RotationLambdaARN"),
		Days:        o.object("RotationRules").number("AutomaticallyAfterDays"),
		Immediately: o.yes("RotateImmediatelyOnUpdate"),
	}
	r.FunctionARN = o.r.place.FunctionARN(r.Function)
	if !slices.ContainsFunc(s.Secrets, func(secret Secret) bool { return secret.ARN == r.Secret }) {
		o.r.unknown(o.at.field("SecretId"), "secret "+strconv.Quote(r.Secret))
	}
	return r
}
