// Split is a flat-map: one record for each word of the value, with the word as key and as value. Words are runs of letters and digits, in lower case.
package main

import (
	"bytes"
	"millstream"
	"unicode"
	"unicode/utf8"
)

type split struct{}

func (split) Process(record *millstream.Record, ctx *millstream.Context) error {
	text, err := record.ValueText()
	if err != nil {
		return err
	}
	text = bytes.ToLower(text)
	for len(text) > 0 {
		end := 0
		for end < len(text) {
			letter, width := utf8.DecodeRune(text[end:])
			if !isWord(letter) {
				break
			}
			end += width
		}
		if end > 0 {
			ctx.Emit(text[:end], text[:end])
			text = text[end:]
			continue
		}
		_, width := utf8.DecodeRune(text)
		text = text[width:]
	}
	return nil
}

// isWord is Unicode's Alphabetic or a number: letters, and the marks that belong to them.
func isWord(letter rune) bool {
	if letter < utf8.RuneSelf {
		return 'a' <= letter && letter <= 'z' || '0' <= letter && letter <= '9' || 'A' <= letter && letter <= 'Z'
	}
	return unicode.IsLetter(letter) || unicode.IsNumber(letter) || unicode.Is(unicode.Other_Alphabetic, letter)
}

func init() {
	millstream.Register(millstream.Declaration{
		Name: "split", Version: "0.1.0",
		Open: func(*millstream.Setup) (millstream.Operator, error) { return split{}, nil },
	})
}

func main() {}
