#include "trust/caatable.h"

#include <stdio.h>

#include "base/text.h"

#define BLANKS " \t\r\n" /* that a list or a file from elsewhere leaves around a name */

struct row {
    const char *owners; /* NULL: a key of the row above */
    const char *text;   /* domains, or the key */
};

static const struct row rows[] = {
#define CAA(owners, domains) {owners, domains},
#define KEY(hex)             {NULL, hex},
#include "trust/caatable.def"
#undef CAA
#undef KEY
};

/* What companies add to their names. */
static const char *const forms[] = {"inc", "llc", "ltd", "limited", "co",  "corp", "corporation", "company",
                                    "sa",  "spa", "ag",  "gmbh",    "nv",  "bv",   "ab",          "as",
                                    "oyj", "kft", "sl",  "srl",     "plc", "se",   "oy",          "zrt"};

static bool is_form(const char *word)
{
    for (size_t i = 0; i < countof(forms); i++)
        if (strcmp(forms[i], word) == 0)
            return true;
    return false;
}

/* Letters, digits and what is not ASCII; a sign inside a word joins ("S.p.A."), others part words. */
static size_t put_words(const char *name, char *out, size_t cap)
{
    size_t len = 0;
    for (const char *at = name; *at != '\0'; at++) {
        unsigned char byte = (unsigned char)*at;
        bool upper = byte >= 'A' && byte <= 'Z';
        bool word = upper || (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte >= 0x80;
        if (byte == '.' || byte == '\'')
            continue;
        if (len + 1 >= cap)
            return 0;
        if (word)
            out[len++] = (char)(upper ? byte | 0x20 : byte);
        else if (len != 0 && out[len - 1] != ' ')
            out[len++] = ' ';
    }
    while (len != 0 && out[len - 1] == ' ')
        len--;
    out[len] = '\0';
    return len;
}

static bool normal_owner(const char *name, char *out, size_t cap)
{
    size_t len = put_words(name, out, cap);
    char *last = strrchr(out, ' ');
    if (len == 0)
        return false;
    while (last != NULL && is_form(last + 1)) {
        *last = '\0';
        last = strrchr(out, ' ');
    }
    return true;
}

/* The next of a list of words; false: there is none. */
static bool next_word(const char **list, char sign, char *out, size_t cap)
{
    const char *end = strchr(*list, sign);
    size_t len = end == NULL ? strlen(*list) : (size_t)(end - *list);
    if (len == 0)
        return false;
    must(len < cap);
    memcpy(out, *list, len);
    out[len] = '\0';
    *list += len + (end != NULL);
    return true;
}

static bool has_owner(const struct row *row, const char *wanted)
{
    char word[CAATABLE_NAME_MAX];
    char normal[CAATABLE_NAME_MAX];
    const char *list = row->owners;
    while (next_word(&list, '|', word, sizeof word))
        if (normal_owner(word, normal, sizeof normal) && strcmp(normal, wanted) == 0)
            return true;
    return false;
}

bool caatable_owner(const char *owner, char out[CAATABLE_NAME_MAX])
{
    char normal[CAATABLE_NAME_MAX];
    if (!normal_owner(owner, normal, sizeof normal))
        return false;
    for (size_t i = 0; i < countof(rows); i++) {
        const char *list = rows[i].owners;
        if (list != NULL && has_owner(&rows[i], normal))
            return next_word(&list, '|', out, CAATABLE_NAME_MAX);
    }
    return false;
}

bool caatable_normal(const char *name, char out[CAATABLE_NAME_MAX])
{
    char owner[CAATABLE_NAME_MAX];
    out[0] = '\0';
    if (strncmp(name, "ca:", 3) == 0) {
        memcpy(out, "ca:", 4);
        return normal_owner(caatable_owner(name + 3, owner) ? owner : name + 3, out + 3,
                            CAATABLE_NAME_MAX - 3);
    }
    name += strspn(name, BLANKS);
    size_t len = strlen(name);
    while (len != 0 && strchr(BLANKS, name[len - 1]) != NULL)
        len--;
    len -= len > 1 && name[len - 1] == '.';
    if (len == 0 || len >= CAATABLE_NAME_MAX)
        return false;
    for (size_t i = 0; i < len; i++)
        out[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] | 0x20 : name[i]);
    out[len] = '\0';
    return true;
}

static bool is_of(const struct row *row, const char *name)
{
    char word[CAATABLE_NAME_MAX];
    const char *list = row->text;
    if (strncmp(name, "ca:", 3) == 0)
        return has_owner(row, name + 3);
    while (next_word(&list, ' ', word, sizeof word))
        if (strcmp(word, name) == 0)
            return true;
    return false;
}

size_t caatable_keys(const char *name, void (*each)(void *arg, const uint8_t key[32], const char *owner),
                     void *arg)
{
    char owner[CAATABLE_NAME_MAX] = "";
    bool wanted = false;
    size_t count = 0;
    for (size_t i = 0; i < countof(rows); i++) {
        uint8_t key[32];
        if (rows[i].owners != NULL) {
            const char *list = rows[i].owners;
            wanted = is_of(&rows[i], name);
            must(next_word(&list, '|', owner, sizeof owner));
        } else if (wanted) {
            must(text_unhex(span_str(rows[i].text), key, 32));
            each(arg, key, owner);
            count++;
        }
    }
    return count;
}

void caatable_names(void (*each)(void *arg, const char *name), void *arg)
{
    for (size_t i = 0; i < countof(rows); i++) {
        char word[CAATABLE_NAME_MAX];
        char text[CAATABLE_NAME_MAX + 3];
        const char *owners = rows[i].owners;
        const char *domains = rows[i].text;
        while (owners != NULL && next_word(&owners, '|', word, sizeof word)) {
            (void)snprintf(text, sizeof text, "ca:%s", word);
            each(arg, text);
        }
        while (rows[i].owners != NULL && next_word(&domains, ' ', word, sizeof word))
            each(arg, word);
    }
}

void caatable_words(const uint8_t key[32], void (*each)(void *arg, const char *name), void *arg)
{
    const struct row *row = NULL;
    char hex[65];
    char word[CAATABLE_NAME_MAX];
    char text[CAATABLE_NAME_MAX + 3];
    (void)text_hex(span_of(key, 32), hex);
    for (size_t i = 0; i < countof(rows); i++) {
        row = rows[i].owners != NULL ? &rows[i] : row;
        if (rows[i].owners != NULL || row == NULL || strcmp(rows[i].text, hex) != 0)
            continue;
        const char *domains = row->text;
        const char *owners = row->owners;
        while (next_word(&domains, ' ', word, sizeof word))
            each(arg, word);
        if (next_word(&owners, '|', word, sizeof word)) {
            (void)snprintf(text, sizeof text, "ca:%s", word);
            each(arg, text);
        }
    }
}
