#include "cli/pem.h"

#include "base/text.h"

static const uint8_t *find(struct span text, const char *what)
{
    return text.len == 0 ? NULL : memmem(text.at, text.len, what, strlen(what));
}

static struct span from(struct span text, const uint8_t *at)
{
    return span_of(at, (size_t)(text.at + text.len - at));
}

bool pem_is(struct span text)
{
    return find(text, "-----BEGIN ") != NULL;
}

bool pem_next(struct pem *pem, struct pem_block *block)
{
    const uint8_t *begin = find(pem->rest, "-----BEGIN ");
    const uint8_t *close;
    const uint8_t *end;

    if (begin == NULL)
        return false;
    struct span label = from(pem->rest, begin + strlen("-----BEGIN "));
    if ((close = find(label, "-----")) == NULL)
        return false;
    struct span body = from(pem->rest, close + 5);
    if ((end = find(body, "-----END ")) == NULL)
        return false;
    block->label = span_of(label.at, (size_t)(close - label.at));
    block->body = span_of(body.at, (size_t)(end - body.at));
    pem->rest = from(pem->rest, end + strlen("-----END "));
    return true;
}

bool pem_decode(struct span body, uint8_t *out, size_t *len)
{
    uint8_t *packed = out;
    size_t count = 0;

    for (size_t i = 0; i < body.len; i++) {
        uint8_t c = body.at[i];
        if (c != ' ' && c != '\t' && c != '\r' && c != '\n')
            packed[count++] = c;
    }
    /* In place: three bytes are written after four were read. */
    return text_unbase64(span_of(packed, count), out, body.len, len);
}
