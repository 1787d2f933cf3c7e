/* A note that is accepted is one: origin, size and root are its first three lines as they stand there, the
 * head says the same, and no other note of the same text with a changed size or root is accepted with these
 * signatures. The input begins with one byte: odd ones get a fresh right signature line appended, so that the
 * way behind the signature is reached as well. */
#include <stdlib.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/text.h"
#include "model/ctlog.h"
#include "verify/checkpoint.h"
#include "verify/logkey.h"
#include "verify/sth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ctlog fuzz_log;
static struct buf fuzz_line; /* our signature line over size 1000, root of zeros */

static void fuzz_setup(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    uint8_t message[STH_MESSAGE_BYTES], root[32] = {0}, spki[256], signature[128], body[256];
    size_t signature_len = sizeof signature;
    unsigned char *at = spki;
    char text[512];
    int length = i2d_PUBKEY(key, &at);

    must(length > 0);
    (void)snprintf(fuzz_log.origin, sizeof fuzz_log.origin, "example.com/log");
    must(logkey_set(&fuzz_log, span_of(spki, (size_t)length), NULL) == ERR_OK);
    sth_message(1000, 5, root, message);
    must(EVP_DigestSignInit_ex(ctx, NULL, "SHA256", NULL, NULL, key, NULL) == 1);
    must(EVP_DigestSign(ctx, signature, &signature_len, message, sizeof message) == 1);
    checkpoint_key_id(&fuzz_log, body);
    memcpy(body + 4, "\0\0\0\0\0\0\0\5\4\3\0", 11);
    body[15] = (uint8_t)signature_len;
    memcpy(body + 16, signature, signature_len);
    (void)text_base64(span_of(body, 16 + signature_len), text);
    buf_init(&fuzz_line, 4096);
    buf_fmt(&fuzz_line, "\xe2\x80\x94 example.com/log %s\n", text);
    must(buf_ok(&fuzz_line));
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char expected[] = "example.com/log\n1000\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n";
    struct head head = {.size = 7};
    struct err why = {0};
    struct buf note;
    enum err_code code;

    if (fuzz_log.key_len == 0)
        fuzz_setup();
    if (size == 0)
        return 0;
    buf_init(&note, 2 * LIMIT_SMALL_BYTES);
    buf_put(&note, span_of(data + 1, size - 1));
    if ((data[0] & 1) != 0)
        buf_put(&note, buf_span(&fuzz_line));
    code = checkpoint_verify(&fuzz_log, buf_span(&note), &head, &why);
    must(why.code == code);
    if (code == ERR_OK) {
        /* Only one text was ever signed. */
        must(span_starts(buf_span(&note), span_str(expected)));
        must(head.size == 1000 && head.timestamp_ms == 5 && head.root[0] == 0);
        must(head.raw.at == note.at && head.raw.len == note.len);
        note.at[strlen("example.com/log\n1")] = '1';
        must(checkpoint_verify(&fuzz_log, buf_span(&note), &head, NULL) == ERR_SIGNATURE);
    } else {
        must(head.size == 7 && why.text[0] != '\0');
    }
    buf_fini(&note);
    return 0;
}
