/* TeaVM reserves and commits the Java heap with these; glue.c has them. */
#pragma once
#include <stddef.h>
#define PROT_NONE 0
#define PROT_READ 1
#define PROT_WRITE 2
#define MAP_PRIVATE 2
#define MAP_ANONYMOUS 32
/* The C library has functions of these names, which are for files. */
#define mmap ms_reserve
#define mprotect ms_commit
void *ms_reserve(void *at, size_t bytes, int how, int flags, int file, long long offset);
int ms_commit(void *at, size_t bytes, int how);
