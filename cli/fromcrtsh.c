#include "cli/fromcrtsh.h"

#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "base/dns.h"
#include "base/limits.h"
#include "base/text.h"

/* "2023-12-13T03:58:33" and with fractions, in UTC. */
static bool read_time(const json_t *value, int64_t *seconds)
{
    int64_t ms = 0;
    char text[20];
    const char *given = json_string_value(value);
    if (given == NULL || strlen(given) < 19 || (given[19] != '\0' && given[19] != '.' && given[19] != 'Z'))
        return false;
    memcpy(text, given, 19);
    text[19] = '\0';
    if (!text_parse_time(span_str(text), &ms))
        return false;
    *seconds = ms / 1000;
    return true;
}

/* Names in normal form; what is none (an organisation, a mail address) is left out. */
static void add_names(const char *text, struct watch_words *names)
{
    while (text != NULL && *text != '\0' && names->count < LIMIT_KNOWN_NAMES) {
        char one[DNS_TEXT_MAX];
        char plain[DNS_TEXT_MAX];
        char whole[DNS_TEXT_MAX + 2];
        struct err ignored = {0};
        size_t len = strcspn(text, "\n");
        (void)snprintf(one, sizeof one, "%.*s", (int)(len < sizeof one ? len : 0), text);
        text += len + (text[len] == '\n');
        bool wild = strncmp(one, "*.", 2) == 0;
        if (one[0] == '\0' || strchr(one, '@') != NULL || strchr(one, ' ') != NULL ||
            dns_from_user(one + (wild ? 2 : 0), plain, &ignored) != ERR_OK)
            continue;
        (void)snprintf(whole, sizeof whole, "%s%s", wild ? "*." : "", plain);
        bool known = false;
        for (size_t i = 0; !known && i < names->count; i++)
            known = strcmp(names->at[i], whole) == 0;
        if (!known)
            must(watch_words_add(names, whole));
    }
}

static const char *read_serial(const json_t *object, char out[80])
{
    const char *text = json_string_value(json_object_get(object, "serial_number"));
    out[0] = '\0';
    text = text == NULL ? "" : text + strspn(text, "0");
    if (strlen(text) < 80 && strspn(text, "0123456789abcdefABCDEF") == strlen(text))
        (void)text_lower(text, out, 80);
    return out;
}

/* A name that is read up to a NUL is another name. */
static bool has_nul(const json_t *object)
{
    static const char *const keys[] = {"not_before", "not_after",   "serial_number",
                                       "name_value", "common_name", "issuer_name"};
    for (size_t i = 0; i < countof(keys); i++) {
        const json_t *value = json_object_get(object, keys[i]);
        if (json_is_string(value) && strlen(json_string_value(value)) != json_string_length(value))
            return true;
    }
    return false;
}

/* NULL: all is well. */
static const char *read_one(const json_t *object, struct db_known *known, char serial[80], char ref[120])
{
    const json_t *ca = json_object_get(object, "issuer_ca_id");
    const json_t *id = json_object_get(object, "id");
    if (!json_is_object(object))
        return "it is no object";
    if (has_nul(object))
        return "a value has a NUL in it";
    if (!read_time(json_object_get(object, "not_before"), &known->not_before) ||
        !read_time(json_object_get(object, "not_after"), &known->not_after))
        return "not_before or not_after is no time";
    known->serial = read_serial(object, serial);
    if (serial[0] != '\0' && json_is_integer(ca))
        (void)snprintf(ref, 120, "%lld:%s", (long long)json_integer_value(ca), serial);
    else if (json_is_integer(id))
        (void)snprintf(ref, 120, "id:%lld", (long long)json_integer_value(id));
    else
        return "it has neither an id nor issuer_ca_id and serial_number";
    add_names(json_string_value(json_object_get(object, "name_value")), &known->names);
    add_names(json_string_value(json_object_get(object, "common_name")), &known->names);
    return known->names.count == 0 ? "it has no name of a host" : NULL;
}

static enum err_code one(struct fromcrtsh *reading, const json_t *object, size_t number, struct err *why)
{
    char serial[80];
    char ref[120];
    char issuer[1024];
    enum err_code code = ERR_OK;
    const char *dn = json_string_value(json_object_get(object, "issuer_name"));
    struct db_known known = {.source = "crtsh", .ref = ref, .key_type = "", .issuer = issuer};
    const char *wrong = read_one(object, &known, serial, ref);
    (void)text_visible_str(span_str(dn == NULL ? "" : dn), issuer, sizeof issuer);
    if (wrong == NULL)
        code = reading->each(reading->arg, &known, why);
    else if (reading->passed++ == 0)
        (void)snprintf(reading->first, sizeof reading->first, "member %zu: %s", number + 1, wrong);
    for (size_t i = 0; i < known.names.count; i++)
        free(known.names.at[i]);
    free(known.names.at);
    return code;
}

enum err_code fromcrtsh_read(struct span text, struct fromcrtsh *reading, struct err *why)
{
    json_error_t error;
    size_t i;
    json_t *member;
    enum err_code code = ERR_OK;
    size_t begin = 0;
    while (begin < text.len && text.at[begin] != '\0' && strchr(" \t\r\n", text.at[begin]) != NULL)
        begin++;
    if (begin < text.len && text.at[begin] == '<')
        return err_set(why, ERR_FORMAT, "HTML, not JSON: crt.sh answers so when it is busy; ask it again");
    json_t *root = text.len == 0 ? NULL : json_loadb((const char *)text.at, text.len, JSON_ALLOW_NUL, &error);
    if (root == NULL) {
        char shown[JSON_ERROR_TEXT_LENGTH];
        return text.len == 0
                   ? err_set(why, ERR_FORMAT, "it is empty")
                   : err_set(why, ERR_FORMAT, "line %d, column %d: not JSON: %s", error.line, error.column,
                             text_visible_str(span_str(error.text), shown, sizeof shown));
    }
    if (!json_is_array(root))
        code = err_set(why, ERR_FORMAT, "not an array, which crt.sh answers with for output=json");
    json_array_foreach(root, i, member)
    {
        if (code == ERR_OK)
            code = one(reading, member, i, why);
    }
    json_decref(root);
    return code;
}
