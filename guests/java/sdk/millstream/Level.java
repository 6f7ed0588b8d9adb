package millstream;

/** How grave a log line is. */
public enum Level { ERROR, WARN, INFO, DEBUG }
