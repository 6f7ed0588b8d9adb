package millstream

import "strings"

// Setup is what the host tells an instance before anything else.
type Setup struct {
	// Config is the job's `config = { … }` for this operator as JSON; empty: none was given.
	Config []byte
	// Names in order: a record's Port is the place in Inputs.
	Inputs, Outputs, Stores []string

	decoded bool
}

// refuseConfig is the error for a config that nobody looked at; nil where there is none, or an empty one.
func (s *Setup) refuseConfig() error {
	text := strings.TrimSpace(string(s.Config))
	if s.decoded || text == "" {
		return nil
	}
	inside, opened := strings.CutPrefix(text, "{")
	inside, closed := strings.CutSuffix(inside, "}")
	if opened && closed && strings.TrimSpace(inside) == "" {
		return nil
	}
	return Fatal("config: this operator takes none, the job gives it " + text)
}

// named is a declared port or store and its number as the host gave it at open.
type named struct {
	name   string
	number uint16
}

// place finds the declared names among those that the job gives.
func place(declared, given []string, what string) ([]named, error) {
	found := make([]named, 0, len(declared))
	for _, name := range declared {
		number := -1
		for n, other := range given {
			if other == name {
				number = n
			}
		}
		if number < 0 {
			return nil, Fatal("the job gives this operator no " + what + " `" + name + "`; it gives [" + strings.Join(given, ", ") + "]")
		}
		found = append(found, named{name, uint16(number)})
	}
	return found, nil
}
