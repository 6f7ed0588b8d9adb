module parse

go 1.24
