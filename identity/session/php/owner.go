package php

import (
	"fmt"
	"os/user"
	"strconv"
)

// userID answers the number of a user of this machine.
func userID(name string) (int, error) {
	if n, err := strconv.Atoi(name); err == nil && n >= 0 {
		return n, nil
	}
	found, err := user.Lookup(name)
	if err != nil {
		return 0, fmt.Errorf("owner %q is no user of this machine; write the number where names differ", name)
	}
	n, err := strconv.Atoi(found.Uid)
	if err != nil {
		return 0, fmt.Errorf("owner %q has no number on this system", name)
	}
	return n, nil
}
