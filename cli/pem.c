#include "cli/pem.h"

#include "base/text.h"

#define BEGIN "-----BEGIN "
#define END   "-----END "
#define CLOSE "-----"

static const uint8_t *find(struct span text, const char *what)
{
    return text.len == 0 ? NULL : memmem(text.at, text.len, what, strlen(what));
}

static struct span from(struct span text, const uint8_t *at)
{
    return span_of(at, (size_t)(text.at + text.len - at));
}

static struct span until(struct span text, const uint8_t *end)
{
    return span_of(text.at, (size_t)(end - text.at));
}

bool pem_is(struct span text)
{
    return find(text, BEGIN) != NULL;
}

/* Without a last line that begins like the missing one. */
static struct span before_dashes(struct span body)
{
    const uint8_t *line = body.len == 0 ? NULL : memrchr(body.at, '\n', body.len);

    return line != NULL && span_starts(from(body, line + 1), SPAN_LIT("-")) ? until(body, line) : body;
}

bool pem_next(struct pem *pem, struct pem_block *block)
{
    const uint8_t *begin = find(pem->rest, BEGIN);

    *block = (struct pem_block){SPAN_NONE, SPAN_NONE, false};
    if (begin == NULL)
        return false;
    struct span rest = from(pem->rest, begin + strlen(BEGIN));
    const uint8_t *next = find(rest, BEGIN);
    struct span block_text = next == NULL ? rest : until(rest, next);
    const uint8_t *close = find(block_text, CLOSE);
    block->label = close == NULL ? block_text : until(block_text, close);
    block->body = close == NULL ? span_part(block_text, block_text.len, block_text.len)
                                : from(block_text, close + strlen(CLOSE));
    const uint8_t *end = find(block->body, END);
    block->cut = end == NULL;
    pem->rest = from(rest, block_text.at + block_text.len);
    block->body = end != NULL ? until(block->body, end) : before_dashes(block->body);
    return true;
}

/* Headers ("Proc-Type: 4,ENCRYPTED") end at an empty line; a body without a colon has none. */
static struct span behind_headers(struct span body)
{
    struct span rest = body;
    const uint8_t *colon = body.len == 0 ? NULL : memchr(body.at, ':', body.len);
    const uint8_t *line;

    if (colon == NULL)
        return body;
    while ((line = rest.len == 0 ? NULL : memchr(rest.at, '\n', rest.len)) != NULL) {
        rest = from(rest, line + 1);
        if (rest.at > colon && (span_starts(rest, SPAN_LIT("\n")) || span_starts(rest, SPAN_LIT("\r\n"))))
            return rest;
    }
    return body;
}

bool pem_decode(struct span body, uint8_t *out, size_t *len)
{
    uint8_t *packed = out;
    size_t count = 0;

    body = behind_headers(body);
    for (size_t i = 0; i < body.len; i++) {
        uint8_t c = body.at[i];
        if (c != ' ' && c != '\t' && c != '\r' && c != '\n')
            packed[count++] = c;
    }
    /* In place: three bytes are written after four were read. */
    return text_unbase64(span_of(packed, count), out, body.len, len);
}
