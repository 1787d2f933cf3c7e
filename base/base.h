/* Words every room uses. Everything else in base/ is a noun with its own header. */
#ifndef CTVIGIL_BASE_H
#define CTVIGIL_BASE_H

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/banned.h"

#define MUST_USE             __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, at) __attribute__((format(printf, fmt, at)))
#define countof(array)       (sizeof(array) / sizeof((array)[0]))

/* Our own bug, never bad input and never a bad world: prints one line (file, line, condition, thread) and
 * aborts. Always compiled in; the supervisor restarts the program and the stored position makes that safe. */
#ifdef CTVIGIL_BARE /* libctvigil-parser says nothing: it has no stdio and no thread names */
#define must(cond) ((cond) ? (void)0 : __builtin_trap())
#else
#define must(cond) ((cond) ? (void)0 : base_panic(__FILE__, __LINE__, #cond))
#endif

_Noreturn void base_panic(const char *file, int line, const char *what);

#endif
