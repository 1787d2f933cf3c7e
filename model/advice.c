#include "model/advice.h"

#include <ctype.h>

#include "model/alert.h"

static const struct advice written[ALERT_KIND_COUNT] = {
#define X(name, why, action) [ALERT_KIND_##name] = {NULL, why, action},
#include "model/advice.def"
#undef X
};

bool advice_of(const char *kind, struct advice *advice)
{
    for (size_t i = 0; i < ALERT_KIND_COUNT; i++) {
        if (strcmp(kind, alert_kind_name((enum alert_kind)i)) != 0)
            continue;
        *advice = written[i];
        advice->what = alert_kind_sentence((enum alert_kind)i);
        return true;
    }
    return false;
}

static void put(struct buf *out, const char *sentence)
{
    if (sentence == NULL)
        return;
    if (out->len != 0)
        buf_str(out, ". ");
    buf_byte(out, (uint8_t)toupper((unsigned char)sentence[0]));
    buf_str(out, sentence + 1);
}

void advice_put(const char *kind, struct buf *out)
{
    struct advice advice;
    if (!advice_of(kind, &advice))
        return;
    put(out, advice.what);
    put(out, advice.why);
    put(out, advice.action);
}
