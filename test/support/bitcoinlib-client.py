"""What a script with python-bitcoinlib does with a node: mines, pays, signs by itself, reads, and errs.

Given the path of a bitcoin.conf, it writes what it saw as one JSON object on standard output.
"""

import json
import sys

import bitcoin
from bitcoin.core import COIN, CMutableTransaction, CMutableTxIn, CMutableTxOut, COutPoint, b2lx, lx
from bitcoin.core.script import SIGHASH_ALL, CScript, SignatureHash
from bitcoin.core.scripteval import SCRIPT_VERIFY_P2SH, VerifyScript
from bitcoin.rpc import JSONRPCError, Proxy
from bitcoin.wallet import CBitcoinSecret, P2PKHBitcoinAddress

FEE = 10_000

bitcoin.SelectParams("regtest")
node = Proxy(btc_conf_file=sys.argv[1])
secret = CBitcoinSecret.from_secret_bytes(bytes([7]) * 32)
address = P2PKHBitcoinAddress.from_pubkey(secret.pub)
seen = {}


def error_of(call):
    try:
        call()
    except JSONRPCError as error:
        return {"type": type(error).__name__, **error.error}
    except IndexError:
        # What the library makes of "no such transaction" and "no such coin".
        return {"type": "IndexError"}
    return None


# The first block pays a key of this script, the others whoever; coinbases ripen after a hundred.
hashes = list(node.generatetoaddress(101, str(address)))
seen["count"] = node.getblockcount()
seen["best"] = b2lx(node.getbestblockhash())
seen["first"] = b2lx(hashes[0])

block = node.getblock(hashes[0])
seen["header"] = b2lx(node.getblockheader(hashes[0]).GetHash())
seen["verboseHeight"] = node.getblockheader(hashes[0], verbose=True)["height"]
seen["merkleRoot"] = block.calc_merkle_root() == block.hashMerkleRoot
coinbase = block.vtx[0]
found = node.gettxout(COutPoint(coinbase.GetTxid(), 0))
seen["coin"] = found["txout"].nValue

# Signed with the library's own code, and checked by its own interpreter before the node judges.
spend = CMutableTransaction(
    [CMutableTxIn(COutPoint(coinbase.GetTxid(), 0))],
    [CMutableTxOut(coinbase.vout[0].nValue - FEE, address.to_scriptPubKey())],
)
digest = SignatureHash(address.to_scriptPubKey(), spend, 0, SIGHASH_ALL)
signature = secret.sign(digest) + bytes([SIGHASH_ALL])
spend.vin[0].scriptSig = CScript([signature, secret.pub])
VerifyScript(spend.vin[0].scriptSig, address.to_scriptPubKey(), spend, 0, (SCRIPT_VERIFY_P2SH,))
txid = node.sendrawtransaction(spend)
seen["sent"] = txid == spend.GetTxid()
seen["waiting"] = [b2lx(waiting) for waiting in node.getrawmempool()]
seen["spent"] = error_of(lambda: node.gettxout(COutPoint(coinbase.GetTxid(), 0)))
again = node.getrawtransaction(txid)
seen["same"] = again.serialize() == spend.serialize()
seen["txid"] = b2lx(txid)

# What the wallet does, with the library's types on both sides.
mine = node.getnewaddress()
seen["address"] = str(mine)
node.generatetoaddress(101, str(mine))
seen["balance"] = node.getbalance() // COIN
seen["unspent"] = len(node.listunspent())
paid = node.sendtoaddress(address, COIN // 10)
seen["paid"] = any(output.nValue == COIN // 10 for output in node.getrawtransaction(paid).vout)
seen["walletTx"] = node.gettransaction(paid)["confirmations"]
template = CMutableTransaction([], [CMutableTxOut(COIN, address.to_scriptPubKey())])
funded = node.fundrawtransaction(template)
signed = node.signrawtransactionwithwallet(funded["tx"])
seen["signed"] = signed["complete"]
node.sendrawtransaction(signed["tx"])
seen["valid"] = node.validateaddress(str(mine))["isvalid"]
seen["mining"] = node.getmininginfo()["blocks"]
seen["stale"] = node.submitblock(block)
batch = [
    {"jsonrpc": "2.0", "method": method, "params": [], "id": number}
    for number, method in enumerate(["getblockcount", "nosuchmethod"])
]
seen["batch"] = [
    {"id": answer["id"], "ok": answer.get("error") is None} for answer in node._batch(batch)
]

seen["noBlock"] = error_of(lambda: node.call("getblock", "00" * 32))
seen["noMethod"] = error_of(lambda: node.call("getinfo"))
seen["noInputs"] = error_of(lambda: node.sendrawtransaction(template))
seen["noTransaction"] = error_of(lambda: node.getrawtransaction(lx("11" * 32)))

print(json.dumps(seen, default=str))
