module operators

go 1.24
