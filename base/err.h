/* Errors: a code, and a caller-owned text that names the thing first and the reason second.
 *
 * Every fallible function returns enum err_code and takes `struct err *why` as its last argument (NULL is
 * fine). The first error wins: a second err_set on a filled struct err changes nothing. Whoever returns an
 * error does not also log it; the room that decides the response does. Bad input inside certificates is never
 * an error but a finding (model/finding.h). */
#ifndef CTVIGIL_ERR_H
#define CTVIGIL_ERR_H

#include "base/base.h"

enum err_code {
#define X(name, number, class, sentence) ERR_##name = number,
#include "base/err.def"
#undef X
};

enum err_class { ERR_CLASS_NONE, ERR_CLASS_USAGE, ERR_CLASS_INPUT, ERR_CLASS_WORLD, ERR_CLASS_STATE };

#define ERR_TEXT_MAX 512

struct err {
    enum err_code code;
    char text[ERR_TEXT_MAX]; /* one line, no control bytes: err_set makes hostile bytes visible */
};

/* Fills `why` if it is empty and returns `code`, so that `return err_set(why, ERR_X, "%s: ...", name);` reads
 * well. Text beyond ERR_TEXT_MAX is cut off. Control bytes in the result are replaced by \xHH. */
enum err_code err_set(struct err *why, enum err_code code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Puts "prefix: " in front of the text of a filled `why`; returns its code. Does nothing to an empty one. */
enum err_code err_prefix(struct err *why, const char *fmt, ...) PRINTF_LIKE(2, 3);

void err_clear(struct err *why);
enum err_class err_class(enum err_code code);
const char *err_name(enum err_code code);     /* "HTTP_BUSY" */
const char *err_sentence(enum err_code code); /* "the server asks us to slow down" */

#endif
