#include "model/cert.h"

const char *cert_key_alg_name(enum cert_key_alg alg)
{
    switch (alg) {
    case CERT_KEY_RSA:
        return "RSA";
    case CERT_KEY_RSA_PSS:
        return "RSA-PSS";
    case CERT_KEY_EC:
        return "EC";
    case CERT_KEY_ED25519:
        return "Ed25519";
    case CERT_KEY_ED448:
        return "Ed448";
    case CERT_KEY_DSA:
        return "DSA";
    case CERT_KEY_ML_DSA:
        return "ML-DSA";
    case CERT_KEY_UNKNOWN:
        break;
    }
    return "unknown";
}
