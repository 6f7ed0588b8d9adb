//! Jobs on a broker whose network, topics or data misbehave: exact, or a named error; never a silent loss.
