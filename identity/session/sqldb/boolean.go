package sqldb

import (
	"fmt"
	"slices"
	"strings"
)

// boolean stands behind the name of a column that is read as a boolean, whichever
// way the database keeps it: MySQL and SQLite have numbers for that.
const boolean = ":boolean"

// Names are the columns' names, without what stands behind them.
func Names(columns []string) []string {
	names := make([]string, len(columns))
	for i, column := range columns {
		names[i] = strings.TrimSuffix(column, boolean)
	}
	return names
}

// Booleans answers the columns with those that have one of these names as booleans.
func Booleans(columns []string, names ...string) []string {
	typed := make([]string, len(columns))
	for i, column := range columns {
		if typed[i] = column; slices.Contains(names, column) {
			typed[i] += boolean
		}
	}
	return typed
}

// Truth reads a column of booleans as the drivers answer it. A column that is
// null, of another type or with another text than databases have for booleans is
// an error.
func Truth(v any) (bool, error) {
	switch v := v.(type) {
	case bool:
		return v, nil
	case int64:
		return v != 0, nil
	case string: // MySQL's bit(1), a number as text, Rails before 5.2 on SQLite
		switch strings.ToLower(v) {
		case "\x01", "1", "t", "true", "y", "yes":
			return true, nil
		case "", "\x00", "0", "f", "false", "n", "no":
			return false, nil
		}
		return false, fmt.Errorf("a boolean column has a text of %d bytes that is neither true nor false", len(v))
	}
	return false, fmt.Errorf("a boolean column is a %T", v)
}
