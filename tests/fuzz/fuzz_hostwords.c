/* Words lie inside the text, in order, and are not empty; what lies between them holds no letter, digit or
 * dot of ASCII, so that no name can hide there. A word alone is one word. */
#include "parser/hostwords.h"
#include "tests/fuzz/inside.h"

static void check_gap(const uint8_t *at, const uint8_t *end)
{
    for (; at < end; at++) {
        must(*at != '.' && *at != '*' && *at != '-' && *at != 0);
        must(!(*at >= '0' && *at <= '9') && !((*at | 0x20) >= 'a' && (*at | 0x20) <= 'z' && *at < 0x80));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_of(data, size);
    struct hostwords words = hostwords_of(text);
    const uint8_t *seen = data;
    struct span word;
    size_t count = 0;

    while (hostwords_next(&words, &word)) {
        must(word.len != 0 && word.at >= seen);
        inside(text, word);
        check_gap(seen, word.at);
        seen = word.at + word.len;
        must(hostwords_alone(word));
        struct hostwords again = hostwords_of(word);
        struct span same;
        must(hostwords_next(&again, &same) && span_eq(same, word) && !hostwords_next(&again, &same));
        must(hostwords_has_dot(text) || !hostwords_has_dot(word));
        count++;
    }
    check_gap(seen, data + size);
    must(count < 2 || !hostwords_alone(text));
    (void)hostwords_could_be(text);
    return 0;
}
