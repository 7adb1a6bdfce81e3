# Verify a receipt of expunge without expunge: python verify_receipt.py RECEIPT.json PUBLIC.pem
# fmt: off
import base64, hashlib, json, sys  # noqa: E401, I001
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
def check(good, problem):
    if not good: sys.exit(f"NOT VERIFIED: {problem}")  # noqa: E701
def write(value):  # every value is written in one way
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
def opened(envelope, kind, key):  # the text in a DSSE envelope, after its signature was verified
    text, sig = (base64.b64decode(part) for part in (envelope["payload"], envelope["signatures"][0]["sig"]))
    name = hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()
    signed = {"keyid": name, "sig": base64.b64encode(sig).decode()}
    again = {"payload": base64.b64encode(text).decode(), "payloadType": kind, "signatures": [signed]}
    check(envelope == again, f"signed by {envelope['signatures'][0]['keyid']!a} (earlier? public-*.pem), or no {kind}")
    key.verify(sig, b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(text), text))
    check(write(json.loads(text)) == text, "a text is not in canonical form")
    return json.loads(text)
def root(leaf, index, size, path):  # of the tree in which a leaf stands, from the hashes beside its way up (RFC 9162)
    if size < 2 or not path: return leaf if size == 1 and not path else b""  # noqa: E701
    k = 1 << (size - 1).bit_length() - 1  # leaves in the left part
    if index < k: return hashlib.sha256(b"\1" + root(leaf, index, k, path[:-1]) + path[-1]).digest()  # noqa: E701
    return hashlib.sha256(b"\1" + path[-1] + root(leaf, index - k, size - k, path[:-1])).digest()
if len(sys.argv) != 3: sys.exit("Usage: python verify_receipt.py RECEIPT.json PUBLIC.pem")  # noqa: E701
try:
    data, key = open(sys.argv[1], "rb").read(), load_pem_public_key(open(sys.argv[2], "rb").read())  # noqa: SIM115
    receipt = opened((bundle := json.loads(data))["envelope"], "application/vnd.in-toto+json", key)
    head, entry = opened(bundle["head"], "application/vnd.expunge.head+json", key), bundle["entry"]
    path, index = [bytes.fromhex(step) for step in bundle["proof"]["path"]], bundle["proof"]["index"]
    again = {**bundle, "proof": {"index": index, "path": [step.hex() for step in path]}}
    check(write(again) == data and len(again) == 6, "the file is not as it was written")
    schemas = [part["schema"] for part in (bundle, head, entry, receipt["predicate"])]
    check(schemas[:3] == [1] * 3 and schemas[3] in (1, 2), "an unknown schema number")
    check(entry["envelope"] == hashlib.sha256(write(bundle["envelope"])).hexdigest(), "the entry is of another receipt")
    leaf = hashlib.sha256(b"\0" + write(entry)).digest()
    check(root(leaf, index, head["size"], path).hex() == head["root"], "it does not stand in the log")
except OSError as error: check(False, f"{error.filename} cannot be read: {error.strerror}")  # noqa: E701
except InvalidSignature: check(False, "a signature does not fit: what it was made for was changed since")  # noqa: E701
except Exception: check(False, "the first file is no receipt, or the second no Ed25519 public key in PEM")  # noqa: E701
print("VERIFIED", json.dumps(receipt, indent=2), sep="\n")
