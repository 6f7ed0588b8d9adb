package millstream

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// DecodeConfig decodes the config into a struct, whose fields hold the defaults. A field that the struct does not have is an error, so is one of another
// type; each names the field. No config is the same as {}.
//
//	config := struct {
//		SizeMs int64 `json:"size_ms"`
//	}{SizeMs: 1000}
//	if err := setup.DecodeConfig(&config); err != nil {
//		return nil, err
//	}
func (s *Setup) DecodeConfig(into any) error {
	s.decoded = true
	if len(s.Config) == 0 {
		return nil
	}
	if err := strictJSON(s.Config, into); err != nil {
		return Fatal("config: " + err.Error())
	}
	return nil
}

// ValueJSON decodes the value from JSON as encoding/json does; where that fails the error rejects the record with [BadJSON] and names the wrong field.
func (r *Record) ValueJSON(into any) error {
	if r.Value == nil {
		return Reject(BadJSON, "the value is null")
	}
	if err := json.Unmarshal(r.Value, into); err != nil {
		return Reject(BadJSON, "the value: "+plain(err).Error())
	}
	return nil
}

// JSON is the codec of values kept as JSON. The same value must always give the same bytes: encoding/json sorts the keys of maps.
func JSON[V any]() Codec[V] {
	return Codec[V]{
		Decode: func(data []byte) (V, error) {
			var value V
			err := json.Unmarshal(data, &value)
			return value, plain(err)
		},
		Encode: func(to []byte, value V) []byte {
			data, err := json.Marshal(value)
			if err != nil {
				// A type that JSON cannot hold: a mistake in the operator, not in its data.
				panic(err)
			}
			return append(to, data...)
		},
	}
}

func strictJSON(data []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return plain(err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return errors.New("there is more after the JSON value")
	}
	return nil
}

// plain says what encoding/json says without its names for things.
func plain(err error) error {
	if err == nil {
		return nil
	}
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		if wrong.Field == "" {
			return errors.New("found a JSON " + wrong.Value + ", expected " + wrong.Type.String())
		}
		return errors.New("`" + wrong.Field + "`: found a JSON " + wrong.Value + ", expected " + wrong.Type.String())
	}
	return errors.New(strings.ReplaceAll(strings.TrimPrefix(err.Error(), "json: "), `"`, "`"))
}
