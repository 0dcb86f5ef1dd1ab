package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// argumentError says which arguments were given where others are taken.
func argumentError(cmd *cobra.Command, given []string) error {
	if len(given) == 0 {
		return &failure{code: ExitUsage, err: fmt.Errorf("an argument is missing; write: %s", cmd.UseLine()), hint: dashed(cmd)}
	}
	quoted := make([]string, len(given))
	for i, one := range given {
		quoted[i] = fmt.Sprintf("%q", one)
	}
	err := fmt.Errorf("it does not take %s; write: %s", strings.Join(quoted, " "), cmd.UseLine())
	hint := ""
	if len(given) == 1 && cmd.Flags().Lookup("route") != nil {
		hint = "is that a route? write: " + cmd.CommandPath() + " --route " + given[0]
	}
	return &failure{code: ExitUsage, err: err, hint: hint}
}

// kinds are what a flag expects, by its type.
var kinds = map[string]string{
	"int": "a whole number", "uint64": "a whole number of 0 or more", "float64": "a number",
	"bool": "true or false", "duration": "a time such as 30s, 10m or 24h",
}

// flagError says what is wrong with a flag in words of people: which, its value, what
// is expected.
func flagError(cmd *cobra.Command, err error) error {
	if wrong, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		flag := wrong.GetFlag()
		if kind := kinds[flag.Value.Type()]; kind != "" {
			return usage("--%s %q: %s is expected", flag.Name, wrong.GetValue(), kind)
		}
	}
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok && (unknown.GetSpecifiedShortnames() != "" || len(unknown.GetSpecifiedName()) > longestFlag) {
		return &failure{code: ExitUsage, err: err, hint: dashed(cmd)}
	}
	return usage("%w", err)
}

// longestFlag is longer than the name of any flag, and shorter than a key's.
const longestFlag = 30

// dashed is how a key is named that looks like a flag; empty for a command that takes
// no key.
func dashed(cmd *cobra.Command) string {
	if !strings.HasSuffix(cmd.Use, " KEY") {
		return ""
	}
	return "a KEY that begins with - stands last, behind --: " + cmd.CommandPath() + ` --reason "why" -- KEY`
}
