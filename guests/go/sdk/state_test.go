package millstream_test

import (
	"errors"
	"fmt"
	"math"
	"millstream"
	"millstream/millstreamtest"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

var (
	texts      = millstream.NewStore("text", 1, millstream.Text)
	sums       = millstream.NewStore("sums", 1, millstream.Int64)
	undeclared = millstream.NewStore("undeclared", 1, millstream.Int64)
)

// obedient does what a record's value says, and emits what the state of its key is then.
type obedient struct{}

func (obedient) Process(record *millstream.Record, ctx *millstream.Context) error {
	order, rest, _ := strings.Cut(string(record.Value), ":")
	switch order {
	case "append":
		text, _, err := texts.Get(ctx)
		if err != nil {
			return err
		}
		if err := texts.Put(ctx, text+rest); err != nil {
			return err
		}
	case "add":
		if err := add(ctx, record.Key, rest); err != nil {
			return err
		}
	case "add-of":
		key, number, _ := strings.Cut(rest, ":")
		if err := add(ctx, []byte(key), number); err != nil {
			return err
		}
	case "delete":
		if err := texts.Delete(ctx); err != nil {
			return err
		}
	case "reject":
		add(ctx, record.Key, "1")
		return fmt.Errorf("wrapped: %w", millstream.Reject(9, "told to"))
	case "error":
		return errors.New("of my own")
	case "fail":
		add(ctx, record.Key, "1")
		return fmt.Errorf("wrapped: %w", millstream.Fatal("told to"))
	case "retry":
		return millstream.Retry("told to")
	case "undeclared":
		return undeclared.Put(ctx, 1)
	case "scan":
		var found []string
		for key, sum := range sums.Prefix(ctx, []byte(rest)) {
			found = append(found, fmt.Sprintf("%s=%d", key, sum))
		}
		ctx.Emit(record.Key, []byte(strings.Join(found, " ")))
		return nil
	}
	text, ok, err := texts.Get(ctx)
	if err != nil {
		return err
	}
	if !ok {
		text = "-"
	}
	sum, _, err := sums.Get(ctx)
	ctx.Emit(record.Key, fmt.Appendf(nil, "%s %d", text, sum))
	return err
}

func add(ctx *millstream.Context, key []byte, number string) error {
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return err
	}
	if key == nil {
		_, _, err := sums.Get(ctx)
		return err
	}
	sum, _, err := sums.GetOf(ctx, key)
	if err != nil {
		return err
	}
	return sums.PutOf(ctx, key, sum+n)
}

type prefetching struct{ obedient }

func (prefetching) Prefetch(record *millstream.Record, keys *millstream.Keys) {
	keys.Want(sums, record.Key)
	keys.Want(sums, record.Key)
	keys.Want(undeclared, record.Key)
}

func (prefetching) PrefetchTimer(*millstream.Timer, *millstream.Keys) {}

func declare(op millstream.Operator) *millstream.Declaration {
	return &millstream.Declaration{
		Name: "obedient", Stores: []millstream.AnyStore{texts, sums},
		Open: func(*millstream.Setup) (millstream.Operator, error) { return op, nil },
	}
}

func opened(t *testing.T, declaration *millstream.Declaration) *millstreamtest.Harness {
	t.Helper()
	op, err := millstreamtest.OpenDeclared(t, declaration, "")
	if err != nil {
		t.Fatal(err)
	}
	return op
}

func values(op *millstreamtest.Harness) (values []string) {
	for _, out := range op.Outputs() {
		values = append(values, out.Value)
	}
	return values
}

var orders = [][2]string{
	{"a", "append:x"}, {"b", "append:a longer text than before, and than what a value gets to begin with"}, {"a", "append:yz"}, {"a", "add:5"},
	{"c", "add-of:a:2"}, {"a", "show"}, {"a", "append:and now much longer than it was"}, {"a", "delete"}, {"a", "append:new"}, {"", "add:-1"},
	{"c", "add-of::-1"}, {"", "show"}, {"b", "delete"}, {"b", "delete"},
}

func TestRecordsReadWhatThoseBeforeWroteWhicheverWayKeysAreFound(t *testing.T) {
	run := func(declaration *millstream.Declaration, noKeyIDs bool, batch int) ([]string, string) {
		op := opened(t, declaration)
		op.NoKeyIDs = noKeyIDs
		var inputs []millstreamtest.Input
		for _, order := range orders {
			inputs = append(inputs, millstreamtest.In(order[0], order[1]))
		}
		for len(inputs) > 0 {
			n := min(batch, len(inputs))
			op.Feed(inputs[:n]...)
			inputs = inputs[n:]
		}
		text, _ := op.Host.State("text", "a")
		sum, _ := op.Host.State("sums", "a")
		empty, _ := op.Host.State("sums", "")
		return values(op), fmt.Sprintf("%d %s %x %x", op.Host.Entries(), text, sum, empty)
	}
	out, state := run(declare(obedient{}), false, 1)
	long := "a longer text than before, and than what a value gets to begin with 0"
	expected := []string{"x 0", long, "xyz 0", "xyz 5", "- 0", "xyz 7", "xyzand now much longer than it was 7", "- 7", "new 7", "- -1"}
	if !reflect.DeepEqual(out[:10], expected) {
		t.Fatalf("%q", out)
	}
	if state != "3 new 0700000000000000 feffffffffffffff" {
		t.Fatal(state)
	}
	unread := declare(obedient{})
	unread.NoPrefetch = true
	for _, declaration := range []*millstream.Declaration{declare(obedient{}), declare(prefetching{}), unread} {
		for _, noKeyIDs := range []bool{false, true} {
			for _, batch := range []int{3, 7, len(orders)} {
				other, otherState := run(declaration, noKeyIDs, batch)
				if !reflect.DeepEqual(other, out) || otherState != state {
					t.Errorf("batches of %d: %q %s", batch, other, otherState)
				}
			}
		}
	}
}

func TestBatchCostsOneReadAndOneWrite(t *testing.T) {
	op := opened(t, declare(obedient{}))
	var inputs []millstreamtest.Input
	for n := range 100 {
		inputs = append(inputs, millstreamtest.In(fmt.Sprintf("k%d", n%7), "add:1"))
	}
	op.Feed(inputs...)
	if op.Host.Calls != (millstreamtest.Calls{GetMany: 1, PutMany: 1, RowsWritten: 7}) {
		t.Errorf("%+v", op.Host.Calls)
	}
	op.Feed(millstreamtest.In("k1", "show"))
	op.Feed(millstreamtest.NullKey("add:1"))
	if op.Host.Calls != (millstreamtest.Calls{GetMany: 2, PutMany: 1, RowsWritten: 7}) {
		t.Errorf("nothing was written, and without keys there is nothing to read: %+v", op.Host.Calls)
	}
}

func TestNullKeyAmongOthersIsRejectedAndTheOthersAreRight(t *testing.T) {
	for _, noKeyIDs := range []bool{false, true} {
		op := opened(t, declare(obedient{}))
		op.NoKeyIDs = noKeyIDs
		batch := []millstreamtest.Input{
			millstreamtest.In("a", "add:1"), millstreamtest.NullKey("add:1"), millstreamtest.In("", "add:2"), millstreamtest.NullKey("add:1"),
			millstreamtest.In("a", "add:1"),
		}
		op.Feed(batch...)
		op.Feed(batch[:2]...)
		if out := values(op); !reflect.DeepEqual(out, []string{"- 1", "- 2", "- 2", "- 3"}) {
			t.Errorf("%q", out)
		}
		var rows []uint32
		for _, reject := range op.Rejects() {
			if reject.Code != millstream.NoKey {
				t.Errorf("%+v", reject)
			}
			rows = append(rows, reject.Row)
		}
		if !reflect.DeepEqual(rows, []uint32{1, 3, 1}) {
			t.Errorf("%v", rows)
		}
	}
}

func TestPartOfANumberedBatchFindsItsOwnKeys(t *testing.T) {
	// As the host halves a batch: numbers with gaps, the first of them not 0.
	var rows []millstream.RawRow
	arena := []byte{}
	for n, key := range []string{"c", "d", "c", "a", "d"} {
		arena = append(append(arena, key...), "add:1"...)
		at := uint32(len(arena))
		ids := []uint32{2, 3, 2, 0, 3}
		rows = append(rows, millstream.RawRow{KeyEnd: at - 5, ValueEnd: at, HeadersEnd: at, KeyID: ids[n]})
	}
	batch, err := millstream.ParseBatch(millstream.RawIndex(rows...), arena)
	if err != nil {
		t.Fatal(err)
	}
	op := opened(t, declare(obedient{}))
	if err := op.TryBatch(batch); err != nil {
		t.Fatal(err)
	}
	if out := values(op); !reflect.DeepEqual(out, []string{"- 1", "- 1", "- 2", "- 1", "- 2"}) {
		t.Errorf("%q", out)
	}
}

func TestScanSeesWhatTheCallWrotePageByPage(t *testing.T) {
	op := opened(t, declare(obedient{}))
	op.Host.PageRows = 2
	op.Feed(millstreamtest.In("a1", "add:1"), millstreamtest.In("b1", "add:1"), millstreamtest.In("a3", "add:1"))
	op.Outputs()
	op.Feed(millstreamtest.In("a2", "add:9"), millstreamtest.In("a1", "add:1"), millstreamtest.In("x", "scan:a"), millstreamtest.In("a3", "add:1"))
	if out := values(op); out[2] != "a1=2 a2=9 a3=1" {
		t.Errorf("%q", out)
	}
	if op.Host.Calls.RowsWritten != 3+2+1 || op.Host.Calls.Scan != 2 {
		t.Errorf("%+v", op.Host.Calls)
	}
	op.Feed(millstreamtest.In("x", "scan:b"), millstreamtest.In("x", "scan:none"), millstreamtest.In("x", "scan"))
	if out := values(op); !reflect.DeepEqual(out, []string{"b1=1", "", "a1=2 a2=9 a3=2 b1=1"}) {
		t.Errorf("%q", out)
	}
	op.Host.SetState("sums", "bad", "three bytes")
	if err := op.Try(millstreamtest.In("x", "scan")); err == nil || !strings.Contains(err.Error(), "store `sums`, key `bad`: a value of type int64 has 8 bytes") {
		t.Error(err)
	}
}

func TestErrorsSayWhatIsToComeOfThem(t *testing.T) {
	op := opened(t, declare(obedient{}))
	op.Feed(millstreamtest.In("a", "reject"), millstreamtest.In("a", "error"), millstreamtest.In("a", "show"))
	if out := values(op); !reflect.DeepEqual(out, []string{"- 1"}) {
		t.Errorf("what a rejected record did stands: %q", out)
	}
	rejects := op.Rejects()
	if rejects[0].Code != 9 || rejects[0].Message != "wrapped: told to" || rejects[1].Code != millstream.Unspecified || rejects[1].Message != "of my own" {
		t.Errorf("%+v", rejects)
	}
	var fatal *millstream.FatalError
	if err := op.Try(millstreamtest.In("a", "add:1"), millstreamtest.In("a", "fail")); !errors.As(err, &fatal) || fatal.Message != "wrapped: told to" {
		t.Error(err)
	}
	var retry *millstream.RetryError
	if err := op.Try(millstreamtest.In("a", "retry")); !errors.As(err, &retry) {
		t.Error(err)
	}
	op.Feed(millstreamtest.In("a", "show"))
	if out := values(op); !reflect.DeepEqual(out, []string{"- 1"}) {
		t.Errorf("nothing of a failed call lingers: %q", out)
	}
}

func TestMistakesInTheOperatorAreNamed(t *testing.T) {
	op := opened(t, declare(obedient{}))
	if err := op.Try(millstreamtest.In("a", "undeclared")); err == nil || !strings.Contains(err.Error(), "does not declare the store `undeclared`: add it") {
		t.Error(err)
	}
	op.Host.SetState("sums", "a", "three bytes")
	if err := op.Try(millstreamtest.In("a", "show")); err == nil || !strings.Contains(err.Error(), "store `sums`, key `a`: a value of type int64 has 8 bytes, this one 11") {
		t.Error(err)
	}
}

func TestValuesComeBackAsTheyWent(t *testing.T) {
	round(t, millstream.Uint64, math.MaxUint64)
	round(t, millstream.Int64, -5)
	round(t, millstream.Float64, 0.1)
	round(t, millstream.Text, "grüße")
	round(t, millstream.Bytes, []byte{0, 255})
	round(t, millstream.JSON[map[string][]int](), map[string][]int{"a": {1}})
	if _, err := millstream.Text.Decode([]byte{0xff}); err == nil {
		t.Error("text that is not UTF-8 was read")
	}
	if _, err := millstream.JSON[int]().Decode([]byte(`"a"`)); err == nil || err.Error() != "found a JSON string, expected int" {
		t.Error(err)
	}
}

func round[V any](t *testing.T, codec millstream.Codec[V], value V) {
	t.Helper()
	back, err := codec.Decode(codec.Encode(nil, value))
	if err != nil || !reflect.DeepEqual(back, value) {
		t.Errorf("%v: %v %v", value, back, err)
	}
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	instance, err := millstream.Open(&millstream.Declaration{
		Name: "sum", Stores: []millstream.AnyStore{sums},
		Open: func(*millstream.Setup) (millstream.Operator, error) { return sum{}, nil },
	}, &millstream.Setup{Outputs: []string{"out"}, Stores: []string{"sums"}}, echo{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var rows []millstream.RawRow
	var arena []byte
	for n := range 100 {
		arena = append(arena, fmt.Sprintf("k%d", n%50)...)
		at := uint32(len(arena))
		rows = append(rows, millstream.RawRow{KeyEnd: at, ValueEnd: at, HeadersEnd: at, KeyID: 0xFFFFFFFF})
	}
	batch, err := millstream.ParseBatch(millstream.RawIndex(rows...), arena)
	if err != nil {
		t.Fatal(err)
	}
	allocations := testing.AllocsPerRun(100, func() {
		if _, err := instance.Process(millstream.Call{}, *batch); err != nil {
			t.Fatal(err)
		}
	})
	if allocations > 0 {
		t.Errorf("%v allocations in a batch", allocations)
	}
}

type sum struct{}

func (sum) Process(record *millstream.Record, ctx *millstream.Context) error {
	seen, _, err := sums.Get(ctx)
	if err != nil {
		return err
	}
	ctx.Emit(record.Key, record.Value)
	return sums.Put(ctx, seen+1)
}

// echo is a host whose stores are empty.
type echo struct{}

func (echo) GetMany(keys *millstream.Batch) millstream.Batch      { return *keys }
func (echo) PutMany(*millstream.Batch)                            {}
func (echo) Scan(uint16, []byte, []byte) (millstream.Batch, bool) { return millstream.Batch{}, true }
