package millstream

import "errors"

// Reject codes from 65,000 are the SDKs' own.
const (
	// NoKey: the record has no key, and the operator keeps state by key.
	NoKey uint16 = 65_000
	// BadText: key or value is not UTF-8 text, or null.
	BadText uint16 = 65_001
	// BadJSON: the value is not the JSON that was expected.
	BadJSON uint16 = 65_002
	// NoTime: the record has no timestamp, and the operator works in event time.
	NoTime uint16 = 65_003
	// Unspecified: the operator returned an error without saying what is to come of it.
	Unspecified uint16 = 65_004
)

// RejectError refuses one record: it goes where the job sends rejects, the others go on.
type RejectError struct {
	// Code is the operator's own, for counting; below 65,000.
	Code uint16
	// Message is for people; at most 1,024 bytes are kept.
	Message string
}

func (e *RejectError) Error() string { return e.Message }

// RetryError ends the call: the same batch comes again later.
type RetryError struct{ Message string }

func (e *RetryError) Error() string { return e.Message }

// FatalError ends the call and the job, which shows the message.
type FatalError struct{ Message string }

func (e *FatalError) Error() string { return e.Message }

// Reject refuses the current record: return millstream.Reject(7, "no such airport").
func Reject(code uint16, message string) error { return &RejectError{code, message} }

// Retry asks for the same batch again later.
func Retry(message string) error { return &RetryError{message} }

// Fatal stops the job.
func Fatal(message string) error { return &FatalError{message} }

// outcome sorts what handling one record came to: a reject (nil: none), or the failure of the call. Errors may be wrapped.
func outcome(err error) (*RejectError, error) {
	if err == nil {
		return nil, nil
	}
	// Most errors are these as they are, and a type switch costs nothing.
	switch e := err.(type) {
	case *RejectError:
		return e, nil
	case *RetryError, *FatalError:
		return nil, e
	}
	var reject *RejectError
	var retry *RetryError
	var fatal *FatalError
	switch {
	case errors.As(err, &fatal):
		return nil, &FatalError{err.Error()}
	case errors.As(err, &retry):
		return nil, &RetryError{err.Error()}
	case errors.As(err, &reject):
		return &RejectError{reject.Code, err.Error()}, nil
	}
	return &RejectError{Unspecified, err.Error()}, nil
}

// failure is what an error of a whole call comes to: Retry, or else Fatal.
func failure(err error) error {
	if err == nil {
		return nil
	}
	var retry *RetryError
	if errors.As(err, &retry) {
		return &RetryError{err.Error()}
	}
	return &FatalError{err.Error()}
}
