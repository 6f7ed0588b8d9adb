"""What an operator may raise on purpose. Any other exception is a mistake in the code: a trap."""


class Reject(Exception):
    """Refuses the record: it goes where the job sends rejects, the others go on."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code
        self.message = message


class Retry(Exception):
    """The call as a whole fails for now: the same batch comes again later."""


class Fatal(Exception):
    """The call as a whole fails: the job stops and shows the message."""
