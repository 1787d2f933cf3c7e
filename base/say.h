/* What the program says to its operator, on stderr: "log" means a CT log in this house. One line per message,
 * key=value or JSON (config say.json). Values are made visible (text.h), so no input can forge a line.
 * Thread-safe. */
#ifndef CTVIGIL_SAY_H
#define CTVIGIL_SAY_H

#include "base/base.h"

enum say_level { SAY_ERROR, SAY_WARN, SAY_INFO, SAY_DEBUG };

void say_setup(enum say_level level, bool json);
/* "error", "warn", "info", "debug"; false: none of these. */
MUST_USE bool say_level_parse(const char *name, enum say_level *level);
bool say_wants(enum say_level level);
/* "error", "warn", "info", "debug"; false for any other word. */
MUST_USE bool say_level_parse(const char *word, enum say_level *level);
/* `subject` is the room or log the line is about. */
void say(enum say_level level, const char *subject, const char *fmt, ...) PRINTF_LIKE(3, 4);

#define say_error(...) say(SAY_ERROR, __VA_ARGS__)
#define say_warn(...)  say(SAY_WARN, __VA_ARGS__)
#define say_info(...)  say(SAY_INFO, __VA_ARGS__)
#define say_debug(...) say(SAY_DEBUG, __VA_ARGS__)

#endif
