package millstream

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Object is a JSON object's fields, each still as text: for operators that look at a few fields of many records. Kept from record to record it allocates
// nothing. encoding/json ([Record.ValueJSON]) does more, and takes ten times as long.
type Object struct {
	fields []field
	// open brackets of the value that is being read.
	open []byte
}

type field struct{ name, raw []byte }

// ValueObject reads the value's fields; what is no JSON object rejects the record with [BadText] or [BadJSON]. The fields lie in the record's bytes.
func (r *Record) ValueObject(into *Object) error {
	text, err := r.ValueText()
	if err != nil {
		return err
	}
	if at, expected := into.parse(text); expected != "" {
		return Reject(BadJSON, "the value: at byte "+strconv.Itoa(at)+" expected "+expected)
	}
	return nil
}

// Get is the text of a field's value as it stands, without spaces around it; nil: there is no such field. A name that comes twice has its last value.
func (o *Object) Get(name string) []byte {
	for n := len(o.fields) - 1; n >= 0; n-- {
		if string(o.fields[n].name) == name {
			return o.fields[n].raw
		}
	}
	return nil
}

// TextOfJSON is the text that a JSON string stands for, and whether the value is a string. It is copied only where there are escapes.
func TextOfJSON(raw []byte) ([]byte, bool) {
	if len(raw) < 2 || raw[0] != '"' {
		return nil, false
	}
	return unescaped(raw[1 : len(raw)-1]), true
}

// parse reads UTF-8 text; where it is no object, `expected` says what it should have had at which byte.
func (o *Object) parse(text []byte) (at int, expected string) {
	o.fields = o.fields[:0]
	at = spaces(text, 0)
	if !is(text, at, '{') {
		return at, "an object"
	}
	at = spaces(text, at+1)
	if is(text, at, '}') {
		return ended(text, at+1)
	}
	for {
		name := at
		if at, expected = str(text, at); expected != "" {
			return at, expected
		}
		found := field{name: unescaped(text[name+1 : at-1])}
		at = spaces(text, at)
		if !is(text, at, ':') {
			return at, "`:`"
		}
		value := spaces(text, at+1)
		if at, expected = o.value(text, value); expected != "" {
			return at, expected
		}
		found.raw = text[value:at:at]
		o.fields = append(o.fields, found)
		at = spaces(text, at)
		switch {
		case is(text, at, '}'):
			return ended(text, at+1)
		case !is(text, at, ','):
			return at, "`,` or `}`"
		}
		at = spaces(text, at+1)
	}
}

func ended(text []byte, at int) (int, string) {
	if at = spaces(text, at); at < len(text) {
		return at, "the end"
	}
	return at, ""
}

func is(text []byte, at int, letter byte) bool { return at < len(text) && text[at] == letter }

func spaces(text []byte, at int) int {
	for at < len(text) && (text[at] == ' ' || text[at] == '\n' || text[at] == '\t' || text[at] == '\r') {
		at++
	}
	return at
}

// value goes over any JSON value, however deep, and returns where it ends.
func (o *Object) value(text []byte, at int) (int, string) {
	o.open = o.open[:0]
	for {
		var expected string
		switch {
		case is(text, at, '{'), is(text, at, '['):
			closing := text[at] + 2 // both brackets are two letters apart
			at = spaces(text, at+1)
			if !is(text, at, closing) {
				o.open = append(o.open, closing)
				if closing == '}' {
					at, expected = nameAndColon(text, at)
				}
				if expected != "" {
					return at, expected
				}
				continue
			}
			at++
		case is(text, at, '"'):
			at, expected = str(text, at)
		default:
			at, expected = numberOrWord(text, at)
		}
		if expected != "" {
			return at, expected
		}
		// A value is over: what is around it goes on, or is over, too.
		for {
			if len(o.open) == 0 {
				return at, ""
			}
			closing := o.open[len(o.open)-1]
			at = spaces(text, at)
			if is(text, at, closing) {
				o.open = o.open[:len(o.open)-1]
				at++
				continue
			}
			if !is(text, at, ',') {
				return at, "`,` or `" + string(rune(closing)) + "`"
			}
			at = spaces(text, at+1)
			if closing == '}' {
				if at, expected = nameAndColon(text, at); expected != "" {
					return at, expected
				}
			}
			break
		}
	}
}

func nameAndColon(text []byte, at int) (int, string) {
	at, expected := str(text, at)
	if expected != "" {
		return at, expected
	}
	if at = spaces(text, at); !is(text, at, ':') {
		return at, "`:`"
	}
	return spaces(text, at+1), ""
}

// str goes over a string, quotes and all.
func str(text []byte, at int) (int, string) {
	if !is(text, at, '"') {
		return at, "a string"
	}
	for at++; at < len(text); at++ {
		switch letter := text[at]; {
		case letter == '"':
			return at + 1, ""
		case letter < ' ':
			return at, "no control character in a string"
		case letter == '\\':
			at++
			if at >= len(text) {
				break
			}
			switch text[at] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			case 'u':
				if _, ok := hex4(text, at+1); !ok {
					return at, "four hexadecimal digits after `\\u`"
				}
				at += 4
			default:
				return at, "an escape that JSON knows"
			}
		}
	}
	return len(text), "the end of a string"
}

func numberOrWord(text []byte, at int) (int, string) {
	for _, word := range [3]string{"true", "false", "null"} {
		if len(text)-at >= len(word) && string(text[at:at+len(word)]) == word {
			return at + len(word), ""
		}
	}
	if is(text, at, '-') {
		at++
	}
	begin := at
	at = digits(text, at)
	if at == begin || text[begin] == '0' && at > begin+1 {
		return begin, "a value"
	}
	if is(text, at, '.') {
		if begin, at = at+1, digits(text, at+1); at == begin {
			return at, "a digit"
		}
	}
	if is(text, at, 'e') || is(text, at, 'E') {
		at++
		if is(text, at, '+') || is(text, at, '-') {
			at++
		}
		if begin, at = at, digits(text, at); at == begin {
			return at, "a digit"
		}
	}
	return at, ""
}

func digits(text []byte, at int) int {
	for at < len(text) && '0' <= text[at] && text[at] <= '9' {
		at++
	}
	return at
}

func hex4(text []byte, at int) (rune, bool) {
	if at+4 > len(text) {
		return 0, false
	}
	number := rune(0)
	for _, letter := range text[at : at+4] {
		switch {
		case '0' <= letter && letter <= '9':
			number = number<<4 | rune(letter-'0')
		case 'a' <= letter|0x20 && letter|0x20 <= 'f':
			number = number<<4 | rune(letter|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return number, true
}

// unescaped is what the inside of a sound string stands for: itself, where it has no escapes. Half a surrogate pair becomes U+FFFD.
func unescaped(inside []byte) []byte {
	first := 0
	for first < len(inside) && inside[first] != '\\' {
		first++
	}
	if first == len(inside) {
		return inside
	}
	text := append([]byte(nil), inside[:first]...)
	for at := first; at < len(inside); at++ {
		if inside[at] != '\\' {
			text = append(text, inside[at])
			continue
		}
		at++
		switch letter := inside[at]; letter {
		case 'b':
			text = append(text, '\b')
		case 'f':
			text = append(text, '\f')
		case 'n':
			text = append(text, '\n')
		case 'r':
			text = append(text, '\r')
		case 't':
			text = append(text, '\t')
		case 'u':
			number, _ := hex4(inside, at+1)
			at += 4
			if utf16.IsSurrogate(number) {
				number = surrogates(number, inside, &at)
			}
			text = utf8.AppendRune(text, number)
		default:
			text = append(text, letter)
		}
	}
	return text
}

// surrogates joins a surrogate with the one that follows after at, if it does.
func surrogates(first rune, inside []byte, at *int) rune {
	if is(inside, *at+1, '\\') && is(inside, *at+2, 'u') {
		if second, ok := hex4(inside, *at+3); ok {
			if joined := utf16.DecodeRune(first, second); joined != utf8.RuneError {
				*at += 6
				return joined
			}
		}
	}
	return utf8.RuneError
}
