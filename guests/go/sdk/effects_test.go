package millstream_test

import (
	"math"
	"millstream"
	"millstream/millstreamtest"
	"reflect"
	"strings"
	"testing"
)

var seen = millstream.NewStore("seen", 2, millstream.Uint64)

type trial struct{}

func (trial) Process(record *millstream.Record, ctx *millstream.Context) error {
	value, err := record.ValueText()
	if err != nil {
		return err
	}
	switch string(value) {
	case "all":
		var headers millstream.HeadersBuilder
		headers.AddAll(record.Headers())
		headers.Add("more", nil)
		ctx.EmitOut(millstream.Copy(record).To("side").WithKey([]byte("other")).WithHeaders(headers.Headers()).At(77).InPartition(4))
		ctx.Emit(nil, nil)
	case "nowhere":
		ctx.EmitOut(millstream.Copy(record).To("nowhere"))
	case "set":
		at, err := record.RequireTime()
		if err != nil {
			return err
		}
		ctx.SetTimer(millstream.Timer{At: at, Key: record.Key, Payload: []byte("event")})
		ctx.SetTimer(millstream.Timer{Domain: millstream.ProcessingTime, At: at, Key: record.Key, Payload: []byte("processing")})
	case "delete":
		ctx.DeleteTimer(millstream.Timer{At: record.Timestamp, Key: record.Key, Payload: []byte("event")})
	case "tell":
		ctx.Log(millstream.LevelWarn, "port "+string(rune('0'+record.Port)))
		ctx.Count("told", 2)
	default:
		ctx.Forward(record)
	}
	return nil
}

func (trial) OnTimer(timer *millstream.Timer, ctx *millstream.Context) error {
	count, _, err := seen.Get(ctx)
	if err != nil {
		return err
	}
	if timer.Domain == millstream.EventTime && count == 0 && string(timer.Key) == "chain" {
		ctx.SetTimer(millstream.Timer{At: timer.At + 1, Key: timer.Key})
	}
	ctx.Emit(timer.Key, timer.Payload)
	return seen.Put(ctx, count+1)
}

func (trial) Migrate(store string, fromVersion uint32, rows *millstream.Batch, keep func(key, value []byte)) error {
	for n := range rows.Len() {
		if record := rows.At(n); string(record.Value) != "drop" {
			keep(record.Key, []byte(store))
		}
	}
	return nil
}

var trialDeclaration = &millstream.Declaration{
	Name: "trial", Inputs: []string{"left", "right"}, Outputs: []string{"main", "side"}, Stores: []millstream.AnyStore{seen},
	Open: func(*millstream.Setup) (millstream.Operator, error) { return trial{}, nil },
}

func TestOutputHasWhatWasSaidAndInheritsTheRest(t *testing.T) {
	op := opened(t, trialDeclaration)
	op.Feed(millstreamtest.In("k", "plain").At(5), millstreamtest.In("k", "all").At(6).Header("h", "1"))
	expected := []millstreamtest.Output{
		{Port: "main", Key: "k", Value: "plain", Timestamp: 5, Partition: math.MaxUint32},
		{Port: "side", Key: "other", Value: "all", Headers: []string{"h=1", "more"}, Timestamp: 77, FromRow: 1, Partition: 4},
		{Port: "main", KeyIsNull: true, ValueIsNull: true, Timestamp: 6, FromRow: 1, Partition: math.MaxUint32},
	}
	if out := op.Outputs(); !reflect.DeepEqual(out, expected) {
		t.Errorf("%+v", out)
	}
	if err := op.Try(millstreamtest.In("k", "nowhere")); err == nil || !strings.Contains(err.Error(), "no output port `nowhere`: add it to Outputs") {
		t.Error(err)
	}
}

func TestTimersFireInTheirDomainOnceAndInOrder(t *testing.T) {
	op := opened(t, trialDeclaration)
	set := func(key string, at int64) millstreamtest.Input { return millstreamtest.In(key, "set").At(at) }
	op.Feed(set("b", 10), set("a", 10), set("a", 10), set("c", 9))
	op.Feed(millstreamtest.In("c", "delete").At(9))
	op.AdvanceWatermark(9)
	if out := op.Outputs(); out != nil {
		t.Errorf("%+v", out)
	}
	op.AdvanceWatermark(10)
	fired := func() (fired []string) {
		for _, out := range op.Outputs() {
			fired = append(fired, out.Key+" "+out.Value)
		}
		return fired
	}
	if out := fired(); !reflect.DeepEqual(out, []string{"a event", "b event"}) {
		t.Errorf("%q", out)
	}
	op.AdvanceNow(100)
	if out := fired(); !reflect.DeepEqual(out, []string{"c processing", "a processing", "b processing"}) {
		t.Errorf("%q", out)
	}
	if count, _ := op.Host.State("seen", "a"); count != "\x02\x00\x00\x00\x00\x00\x00\x00" {
		t.Errorf("%q", count)
	}
	op.Feed(set("chain", 1))
	op.AdvanceWatermark(10)
	if out := fired(); !reflect.DeepEqual(out, []string{"chain event", "chain "}) {
		t.Errorf("a timer that a timer set is due already: %q", out)
	}
}

func TestLogsCountersAndRejectsReachTheHost(t *testing.T) {
	op := opened(t, trialDeclaration)
	op.Feed(millstreamtest.In("k", "tell").Port("right"), millstreamtest.In("k", "\xff"), millstreamtest.NullValue("k"), millstreamtest.In("k", "set"))
	if !reflect.DeepEqual(op.Host.Logs, []millstreamtest.Line{{Level: millstream.LevelWarn, Text: "port 1"}}) || op.Host.Counters["told"] != 2 {
		t.Errorf("%+v %+v", op.Host.Logs, op.Host.Counters)
	}
	var codes []uint16
	for _, reject := range op.Rejects() {
		codes = append(codes, reject.Code)
	}
	if !reflect.DeepEqual(codes, []uint16{millstream.BadText, millstream.BadText, millstream.NoTime}) {
		t.Errorf("%v", codes)
	}
}

func TestMigrationReturnsTheRowsToKeep(t *testing.T) {
	kept, err := opened(t, trialDeclaration).Migrate("seen", 1, map[string]string{"a": "old", "b": "drop"})
	if err != nil || !reflect.DeepEqual(kept, map[string]string{"a": "seen"}) {
		t.Errorf("%v %v", kept, err)
	}
	if _, err := opened(t, declare(obedient{})).Migrate("sums", 1, nil); err == nil || !strings.Contains(err.Error(), "older versions of its store `sums`") {
		t.Error(err)
	}
}

type batching struct{ trial }

func (batching) ProcessBatch(ctx *millstream.Context) error {
	for record := range ctx.Records() {
		switch string(record.Value) {
		case "no":
			ctx.Reject(3, "no")
		case "all":
			ctx.ForwardAll()
		default:
			ctx.EmitOut(millstream.Copy(record).To("side"))
		}
	}
	return nil
}

func TestBatchIsHandedOverWhole(t *testing.T) {
	declaration := *trialDeclaration
	declaration.Open = func(*millstream.Setup) (millstream.Operator, error) { return batching{}, nil }
	op := opened(t, &declaration)
	op.Feed(millstreamtest.In("a", "x"), millstreamtest.In("b", "no"), millstreamtest.In("c", "all").Header("h", "1"), millstreamtest.NullKey("y"))
	var out []string
	for _, o := range op.Outputs() {
		out = append(out, o.Port+" "+o.Key+" "+o.Value+" "+strings.Join(o.Headers, ","))
	}
	if !reflect.DeepEqual(out, []string{"side a x ", "main a x ", "main b no ", "main c all h=1", "main  y ", "side  y "}) {
		t.Errorf("%q", out)
	}
	if rejects := op.Rejects(); len(rejects) != 1 || rejects[0].Row != 1 || rejects[0].Code != 3 {
		t.Errorf("%+v", rejects)
	}
}

type configured struct {
	trial
	SizeMs  int64  `json:"size_ms"`
	Sep     string `json:"sep"`
	Windows []struct {
		Ms int64 `json:"ms"`
	} `json:"windows"`
}

func TestConfigIsDecodedOverDefaultsAndWrongFieldsAreNamed(t *testing.T) {
	var op *configured
	declaration := *trialDeclaration
	declaration.Open = func(setup *millstream.Setup) (millstream.Operator, error) {
		op = &configured{SizeMs: 7, Sep: "|"}
		return op, setup.DecodeConfig(op)
	}
	if _, err := millstreamtest.OpenDeclared(t, &declaration, `{"size_ms": 9}`); err != nil || op.SizeMs != 9 || op.Sep != "|" {
		t.Errorf("%v %+v", err, op)
	}
	for config, expected := range map[string]string{
		`{"size": 1}`:             "config: unknown field `size`",
		`{"windows": [{"ms":`:     "config: unexpected EOF",
		`{"size_ms": "x"}`:        "config: `size_ms`: found a JSON string, expected int64",
		`{"windows":[{"ms":[]}]}`: "config: `windows.ms`: found a JSON array, expected int64",
		`{} 7`:                    "config: there is more after the JSON value",
	} {
		if _, err := millstreamtest.OpenDeclared(t, &declaration, config); err == nil || err.Error() != expected {
			t.Errorf("%s: %v", config, err)
		}
	}
	for config, fine := range map[string]bool{"": true, " { } ": true, `{"a": 1}`: false, "{": false, "null": false} {
		if _, err := millstreamtest.OpenDeclared(t, trialDeclaration, config); (err == nil) != fine {
			t.Errorf("%s: %v", config, err)
		}
	}
}
