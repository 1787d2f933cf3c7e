#include "ingest/rootlist.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/text.h"
#include "parser/json.h"

#define TEXT_MAX (4 * ((size_t)LIMIT_ISSUER_BYTES / 3 + 1))

void rootlist_url(const struct ctlog *log, char url[PROTO_URL_MAX])
{
    const char *prefix = log->submission_url[0] != '\0' ? log->submission_url : log->url;
    (void)snprintf(url, PROTO_URL_MAX, "%s/ct/v1/get-roots", prefix);
}

struct reading {
    struct json json;
    enum err_code (*each)(void *arg, struct span der, struct err *why);
    void *arg;
    struct rootlist *list;
    char text[TEXT_MAX + 1];
    uint8_t der[LIMIT_ISSUER_BYTES + 3];
};

/* One string, its opening quote behind us. */
static enum err_code read_one(struct reading *reading, struct err *why)
{
    size_t len = 0;
    size_t der_len = 0;
    int32_t c;
    while ((c = json_char(&reading->json)) >= 0) {
        if (len < sizeof(reading->text))
            reading->text[len] = c < 0x80 ? (char)c : '?';
        len += len <= TEXT_MAX;
    }
    if (reading->json.failed)
        return ERR_OK;
    bool good = len <= TEXT_MAX &&
                text_unbase64(span_of(reading->text, len), reading->der, sizeof(reading->der), &der_len);
    if (!good || der_len == 0 || der_len > LIMIT_ISSUER_BYTES || reading->list->count == LIMIT_ROOTS) {
        reading->list->refused++;
        return ERR_OK;
    }
    reading->list->count++;
    return reading->each(reading->arg, span_of(reading->der, der_len), why);
}

static enum err_code read_array(struct reading *reading, struct err *why)
{
    struct json *json = &reading->json;
    enum err_code code = ERR_OK;
    if (!json_expect(json, '[') || json_punct(json, ']'))
        return ERR_OK;
    do {
        if (json_expect(json, '"'))
            code = read_one(reading, why);
    } while (code == ERR_OK && !json->failed && json_punct(json, ','));
    if (code == ERR_OK)
        (void)json_expect(json, ']');
    return code;
}

static enum err_code read_document(struct reading *reading, bool *found, struct err *why)
{
    struct json *json = &reading->json;
    enum err_code code = ERR_OK;
    if (!json_expect(json, '{') || json_punct(json, '}'))
        return ERR_OK;
    do {
        bool ours = json_expect(json, '"') && json_string_is(json, "certificates");
        (void)json_expect(json, ':');
        *found = *found || ours;
        if (ours)
            code = read_array(reading, why);
        else
            (void)json_skip(json);
    } while (code == ERR_OK && !json->failed && json_punct(json, ','));
    if (code == ERR_OK)
        (void)json_expect(json, '}');
    return code;
}

enum err_code rootlist_read(struct span body,
                            enum err_code (*each)(void *arg, struct span der, struct err *why), void *arg,
                            struct rootlist *list, struct err *why)
{
    struct reading *reading = malloc(sizeof(*reading));
    bool found = false;
    *list = (struct rootlist){0};
    if (reading == NULL)
        return err_set(why, ERR_MEMORY, "no memory for a list of roots");
    reading->json = json_of(body);
    reading->each = each;
    reading->arg = arg;
    reading->list = list;
    enum err_code code = read_document(reading, &found, why);
    if (code == ERR_OK) {
        json_white(&reading->json);
        if (reading->json.failed || !found || reading->json.at != reading->json.end)
            code = err_set(why, ERR_FORMAT, "get-roots: not a list of certificates");
    }
    free(reading);
    return code;
}
