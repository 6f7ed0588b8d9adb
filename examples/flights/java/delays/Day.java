import millstream.Bytes;
import millstream.BytesBuilder;
import millstream.Codec;

/** One carrier's day so far. Delays are minutes, over those that flew. */
record Day(long flights, long cancelled, long delaySum, long delayWorst) {
    static final Day EMPTY = new Day(0, 0, 0, 0);

    /** Four words of eight bytes, little-endian, as the operator has them in the other languages. */
    static final Codec<Day> CODEC = new Codec<>() {
        @Override
        public Day decode(Bytes bytes) throws BadValue {
            if (bytes.size() != 32) {
                throw new BadValue("a day has 32 bytes, these " + bytes.size());
            }
            return new Day(bytes.longAt(0), bytes.longAt(8), bytes.longAt(16), bytes.longAt(24));
        }

        @Override
        public void encode(Day day, BytesBuilder to) {
            to.appendLong(day.flights).appendLong(day.cancelled).appendLong(day.delaySum).appendLong(day.delayWorst);
        }
    };

    Day withCancelled() {
        return new Day(flights + 1, cancelled + 1, delaySum, delayWorst);
    }

    Day withDelay(long delay) {
        return new Day(flights + 1, cancelled, delaySum + delay, flown() == 0 ? delay : Math.max(delayWorst, delay));
    }

    long flown() {
        return flights - cancelled;
    }

    /** Of those that flew, in hundredths rounded half up. */
    double delayMean() {
        return Math.floorDiv(200 * delaySum + flown(), 2 * flown()) / 100.0;
    }
}
