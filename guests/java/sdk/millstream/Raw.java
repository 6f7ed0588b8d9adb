package millstream;

/** A batch as bytes, whether or not it obeys the layout. */
public record Raw(byte[] index, byte[] arena) {
}
