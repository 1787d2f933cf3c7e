#include "base/err.h"

#include <stdarg.h>

struct row {
    enum err_code code;
    enum err_class class;
    const char *name;
    const char *sentence;
};

static const struct row rows[] = {
#define X(name, number, class, sentence) {number, ERR_CLASS_##class, #name, sentence},
#include "base/err.def"
#undef X
};

static const struct row *row_of(enum err_code code)
{
    for (size_t i = 0; i < countof(rows); i++)
        if (rows[i].code == code)
            return &rows[i];
    return NULL;
}

/* Copies `text` so that it stays one line without control bytes, cut off at a whole escape or byte. */
static void put_clean(char out[ERR_TEXT_MAX], const char *text)
{
    static const char digits[] = "0123456789abcdef";
    size_t at = 0;
    for (const unsigned char *byte = (const unsigned char *)text; *byte != 0; byte++) {
        bool plain = *byte >= 0x20 && *byte != 0x7f;
        if (at + (plain ? 1 : 4) >= ERR_TEXT_MAX)
            break;
        if (plain) {
            out[at++] = (char)*byte;
            continue;
        }
        out[at++] = '\\';
        out[at++] = 'x';
        out[at++] = digits[*byte >> 4];
        out[at++] = digits[*byte & 15];
    }
    out[at] = 0;
}

enum err_code err_set(struct err *why, enum err_code code, const char *fmt, ...)
{
    char text[ERR_TEXT_MAX];
    va_list args;

    must(code != ERR_OK);
    if (why == NULL || why->code != ERR_OK)
        return code;
    va_start(args, fmt);
    int len = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    put_clean(why->text, len < 0 ? err_sentence(code) : text);
    why->code = code;
    return code;
}

enum err_code err_prefix(struct err *why, const char *fmt, ...)
{
    char prefix[ERR_TEXT_MAX];
    char text[2 * ERR_TEXT_MAX + 2]; /* both and ": " */
    va_list args;

    if (why == NULL || why->code == ERR_OK)
        return ERR_OK;
    va_start(args, fmt);
    int len = vsnprintf(prefix, sizeof prefix, fmt, args);
    va_end(args);
    if (len < 0)
        return why->code;
    (void)snprintf(text, sizeof text, "%s: %s", prefix, why->text);
    put_clean(why->text, text);
    return why->code;
}

void err_clear(struct err *why)
{
    if (why == NULL)
        return;
    why->code = ERR_OK;
    why->text[0] = 0;
}

enum err_class err_class(enum err_code code)
{
    const struct row *row = row_of(code);
    must(row != NULL);
    return row->class;
}

const char *err_name(enum err_code code)
{
    const struct row *row = row_of(code);
    return row == NULL ? "UNKNOWN" : row->name;
}

const char *err_sentence(enum err_code code)
{
    const struct row *row = row_of(code);
    return row == NULL ? "an error this program does not know" : row->sentence;
}
