module delays

go 1.24
