"""Certificates for the interop tests, made with openssl; worthless outside them."""
import subprocess


def openssl(*words, stdin=None):
    subprocess.run(["openssl", *[str(w) for w in words]], check=True, capture_output=True, input=stdin, text=True)


class Authority:
    """A root, and through it an intermediate, in a directory."""

    def __init__(self, directory, name="root"):
        self.d, self.name, self.serial = directory, name, 100
        directory.mkdir(parents=True, exist_ok=True)
        self._key(name)
        openssl("req", "-x509", "-new", "-key", self.d / f"{name}.key", "-out", self.root, "-days", 365, "-subj", f"/CN={name}",
                "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=keyCertSign")

    @property
    def root(self):
        return self.d / f"{self.name}.crt"

    def _key(self, name):
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.d / f"{name}.key")

    def issue(self, name, names, usage="serverAuth,clientAuth", days=365, issuer=None, authority=False, self_signed=False):
        """NAME.crt and NAME.key; days below 0: expired so long ago. Returns both paths."""
        self.serial += 1
        key, crt, ext = (self.d / f"{name}.{e}" for e in ("key", "crt", "ext"))
        self._key(name)
        lines = ["basicConstraints=critical,CA:TRUE" if authority else "basicConstraints=CA:FALSE"]
        if usage:
            lines.append(f"extendedKeyUsage={usage}")
        if names:
            lines.append("subjectAltName=" + ",".join(f"URI:{n}" if ":" in n else f"DNS:{n}" for n in names))
        ext.write_text("\n".join(lines) + "\n")
        csr = self.d / f"{name}.csr"
        openssl("req", "-new", "-key", key, "-out", csr, "-subj", f"/CN={name}")
        by = issuer or self.name
        sign = ["-signkey", key] if self_signed else ["-CA", self.d / f"{by}.crt", "-CAkey", self.d / f"{by}.key"]
        dates = ["-days", days]
        if days < 0:
            # x509 of OpenSSL 3.0 takes no dates: `ca` does, and wants a directory of its own.
            return self._expired(name, csr, ext, by)
        openssl("x509", "-req", "-in", csr, *sign, "-set_serial", self.serial, "-out", crt, "-extfile", ext, *dates)
        return crt, key

    def _expired(self, name, csr, ext, by):
        d = self.d / f"{name}.ca"
        d.mkdir(exist_ok=True)
        (d / "index").write_text("")
        (d / "serial").write_text("0A\n")
        (d / "conf").write_text(f"[ca]\ndefault_ca=x\n[x]\ndatabase={d}/index\nserial={d}/serial\nnew_certs_dir={d}\n"
                                "default_md=sha256\npolicy=p\nunique_subject=no\n[p]\ncommonName=supplied\n")
        openssl("ca", "-batch", "-config", d / "conf", "-cert", self.d / f"{by}.crt", "-keyfile", self.d / f"{by}.key", "-in", csr,
                "-out", self.d / f"{name}.crt", "-extfile", ext, "-startdate", "20240101000000Z", "-enddate", "20240201000000Z",
                "-notext")
        return self.d / f"{name}.crt", self.d / f"{name}.key"
