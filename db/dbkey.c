#include "db/dbkey.h"

#include <openssl/evp.h>
#include <pthread.h>

static EVP_MD *sha256;
static pthread_once_t sha256_once = PTHREAD_ONCE_INIT;

/* Fetched once: an implicit fetch per call costs more than hashing a domain name does. */
static void sha256_fetch(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    must(sha256 != NULL);
}

void dbkey_sha256(struct span bytes, uint8_t out[32])
{
    must(pthread_once(&sha256_once, sha256_fetch) == 0);
    must(EVP_Digest(bytes.at, bytes.len, out, NULL, sha256, NULL) == 1);
}

int64_t dbkey_first8(const uint8_t *hash)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++)
        value = value << 8 | hash[i];
    return (int64_t)value;
}

int64_t dbkey_apex8(struct span text)
{
    uint8_t hash[32];
    dbkey_sha256(text, hash);
    return dbkey_first8(hash);
}

static void put_escaped(struct buf *out, struct span label)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < label.len; i++) {
        uint8_t byte = label.at[i];
        if (byte > 0x20 && byte < 0x7f && byte != '\\') {
            buf_byte(out, byte);
            continue;
        }
        buf_str(out, "\\x");
        buf_byte(out, (uint8_t)digits[byte >> 4]);
        buf_byte(out, (uint8_t)digits[byte & 15]);
    }
}

void dbkey_put_name(struct buf *out, struct span text)
{
    size_t end = text.len;
    while (end > 0) {
        size_t begin = end;
        while (begin > 0 && text.at[begin - 1] != '.')
            begin--;
        put_escaped(out, span_part(text, begin, end));
        if (begin == 0)
            return;
        buf_byte(out, '.');
        end = begin - 1;
    }
}

static int hex_value(uint8_t digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

static void put_unescaped(struct buf *out, struct span label)
{
    for (size_t i = 0; i < label.len; i++) {
        bool escape = label.len - i >= 4 && label.at[i] == '\\' && label.at[i + 1] == 'x';
        int high = escape ? hex_value(label.at[i + 2]) : -1;
        int low = escape ? hex_value(label.at[i + 3]) : -1;
        if (high < 0 || low < 0) {
            buf_byte(out, label.at[i]);
            continue;
        }
        buf_byte(out, (uint8_t)(high << 4 | low));
        i += 3;
    }
}

void dbkey_put_text(struct buf *out, struct span stored)
{
    size_t end = stored.len;
    while (end > 0) {
        size_t begin = end;
        while (begin > 0 && stored.at[begin - 1] != '.')
            begin--;
        put_unescaped(out, span_part(stored, begin, end));
        if (begin == 0)
            return;
        buf_byte(out, '.');
        end = begin - 1;
    }
}

bool dbkey_next_name(struct span *names, struct span *name)
{
    size_t len = 0;
    if (names->len == 0)
        return false;
    while (len < names->len && names->at[len] != ' ')
        len++;
    *name = span_part(*names, 0, len);
    *names = span_part(*names, len < names->len ? len + 1 : len, names->len);
    return true;
}
