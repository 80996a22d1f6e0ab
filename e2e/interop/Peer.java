/*
 * BouncyCastle as a participant of the interop matrix: one process, a request a line, an answer a line.
 * Request: verb, then name=base64 words. Answer: "ok base64" or "no base64 of the error's text". It decides nothing.
 */
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Security;
import java.security.Signature;
import java.security.SignatureException;
import java.security.cert.CertPathBuilder;
import java.security.cert.CertStore;
import java.security.cert.CollectionCertStoreParameters;
import java.security.cert.PKIXBuilderParameters;
import java.security.cert.TrustAnchor;
import java.security.cert.X509CertSelector;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.MGF1ParameterSpec;
import java.security.spec.PKCS8EncodedKeySpec;
import java.security.spec.PSSParameterSpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collection;
import java.util.Date;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import javax.crypto.spec.OAEPParameterSpec;
import javax.crypto.spec.PSource;
import javax.mail.Session;
import javax.mail.internet.MimeBodyPart;
import javax.mail.internet.MimeMessage;
import javax.mail.internet.MimeMultipart;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.ASN1Primitive;
import org.bouncycastle.asn1.DERBMPString;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.cert.X509CRLHolder;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.X509v2CRLBuilder;
import org.bouncycastle.cert.jcajce.JcaCertStore;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509CertificateHolder;
import org.bouncycastle.cert.ocsp.BasicOCSPResp;
import org.bouncycastle.cert.ocsp.BasicOCSPRespBuilder;
import org.bouncycastle.cert.ocsp.CertificateID;
import org.bouncycastle.cert.ocsp.CertificateStatus;
import org.bouncycastle.cert.ocsp.OCSPResp;
import org.bouncycastle.cert.ocsp.OCSPRespBuilder;
import org.bouncycastle.cert.ocsp.RespID;
import org.bouncycastle.cms.CMSAlgorithm;
import org.bouncycastle.cms.CMSAuthEnvelopedData;
import org.bouncycastle.cms.CMSAuthEnvelopedDataGenerator;
import org.bouncycastle.cms.CMSCompressedDataGenerator;
import org.bouncycastle.cms.CMSEnvelopedData;
import org.bouncycastle.cms.CMSEnvelopedDataGenerator;
import org.bouncycastle.cms.CMSEnvelopedDataStreamGenerator;
import org.bouncycastle.cms.CMSProcessableByteArray;
import org.bouncycastle.cms.CMSSignedData;
import org.bouncycastle.cms.CMSSignedDataGenerator;
import org.bouncycastle.cms.CMSSignedDataStreamGenerator;
import org.bouncycastle.cms.RecipientInfoGenerator;
import org.bouncycastle.cms.RecipientInformation;
import org.bouncycastle.cms.SignerInfoGenerator;
import org.bouncycastle.cms.SignerInformation;
import org.bouncycastle.cms.SignerInformationStore;
import org.bouncycastle.cms.jcajce.JcaSignerInfoGeneratorBuilder;
import org.bouncycastle.cms.jcajce.JcaSimpleSignerInfoVerifierBuilder;
import org.bouncycastle.cms.jcajce.JceCMSContentEncryptorBuilder;
import org.bouncycastle.cms.jcajce.JceKeyAgreeEnvelopedRecipient;
import org.bouncycastle.cms.jcajce.JceKeyAgreeRecipientInfoGenerator;
import org.bouncycastle.cms.jcajce.JceKeyTransAuthEnvelopedRecipient;
import org.bouncycastle.cms.jcajce.JceKeyTransEnvelopedRecipient;
import org.bouncycastle.cms.jcajce.JceKeyTransRecipientInfoGenerator;
import org.bouncycastle.cms.jcajce.ZlibCompressor;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.mail.smime.SMIMESigned;
import org.bouncycastle.mail.smime.SMIMESignedGenerator;
import org.bouncycastle.operator.ContentSigner;
import org.bouncycastle.operator.OutputAEADEncryptor;
import org.bouncycastle.operator.OutputEncryptor;
import org.bouncycastle.operator.jcajce.JcaAlgorithmParametersConverter;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.operator.jcajce.JcaContentVerifierProviderBuilder;
import org.bouncycastle.operator.jcajce.JcaDigestCalculatorProviderBuilder;
import org.bouncycastle.pkcs.PKCS10CertificationRequest;
import org.bouncycastle.pkcs.PKCS12PfxPdu;
import org.bouncycastle.pkcs.PKCS12PfxPduBuilder;
import org.bouncycastle.pkcs.PKCS12SafeBag;
import org.bouncycastle.pkcs.PKCS12SafeBagBuilder;
import org.bouncycastle.pkcs.jcajce.JcaPKCS10CertificationRequestBuilder;
import org.bouncycastle.pkcs.jcajce.JcaPKCS12SafeBagBuilder;
import org.bouncycastle.pkcs.jcajce.JcePKCS12MacCalculatorBuilder;
import org.bouncycastle.pkcs.jcajce.JcePKCSPBEOutputEncryptorBuilder;
import org.bouncycastle.util.CollectionStore;

public final class Peer {
    private static final String BC = "BC";

    /** One request: its words by name. */
    private static final class Request {
        final String verb;
        private final Map<String, byte[]> words = new HashMap<>();

        Request(String line) {
            String[] parts = line.split(" ");
            verb = parts[0];
            for (int i = 1; i < parts.length; i++) {
                int at = parts[i].indexOf('=');
                words.put(parts[i].substring(0, at), Base64.getDecoder().decode(parts[i].substring(at + 1)));
            }
        }

        boolean has(String name) {
            return words.containsKey(name);
        }

        byte[] bytes(String name) {
            return words.get(name);
        }

        String text(String name) {
            return has(name) ? new String(words.get(name), StandardCharsets.UTF_8) : "";
        }

        int number(String name) {
            return Integer.parseInt(text(name));
        }

        PrivateKey key(String name) throws Exception {
            byte[] der = words.get(name);
            org.bouncycastle.asn1.pkcs.PrivateKeyInfo info = org.bouncycastle.asn1.pkcs.PrivateKeyInfo.getInstance(der);
            String id = info.getPrivateKeyAlgorithm().getAlgorithm().getId();
            return KeyFactory.getInstance(id, BC).generatePrivate(new PKCS8EncodedKeySpec(der));
        }

        X509Certificate certificate(String name) throws Exception {
            return new JcaX509CertificateConverter().setProvider(BC).getCertificate(holder(name));
        }

        X509CertificateHolder holder(String name) throws IOException {
            return new X509CertificateHolder(words.get(name));
        }
    }

    private Peer() {
    }

    public static void main(String[] args) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        PrintStream out = new PrintStream(System.out, true, "US-ASCII");
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String word;
            byte[] answer;
            try {
                answer = answer(new Request(line));
                word = "ok";
            } catch (Throwable failure) {
                Throwable cause = failure;
                while (cause.getCause() != null && cause.getCause() != cause) {
                    cause = cause.getCause();
                }
                String name = cause.getClass().getSimpleName();
                answer = (name + ": " + cause.getMessage()).getBytes(StandardCharsets.UTF_8);
                word = "no";
            }
            out.println(word + " " + Base64.getEncoder().encodeToString(answer));
        }
    }

    private static byte[] answer(Request request) throws Exception {
        switch (request.verb) {
            case "version":
                return Double.toString(Security.getProvider(BC).getVersion()).getBytes(StandardCharsets.UTF_8);
            case "sign":
                return sign(request);
            case "verify":
                return verify(request);
            case "encrypt":
                return encrypt(request);
            case "decrypt":
                return decrypt(request);
            case "compress":
                return new CMSCompressedDataGenerator()
                        .generate(new CMSProcessableByteArray(request.bytes("entity")), new ZlibCompressor())
                        .getEncoded();
            case "decompress":
                return new org.bouncycastle.cms.CMSCompressedData(request.bytes("object"))
                        .getContent(new org.bouncycastle.cms.jcajce.ZlibExpanderProvider());
            case "certificates-write":
                return certificatesWrite(request);
            case "certificates-read":
                return certificatesRead(request);
            case "pkcs12-write":
                return pkcs12Write(request);
            case "pkcs12-read":
                return pkcs12Read(request);
            case "request-write":
                return requestWrite(request);
            case "request-read":
                return requestRead(request);
            case "crl-write":
                return crlWrite(request);
            case "crl-read":
                return crlRead(request);
            case "ocsp-write":
                return ocspWrite(request);
            case "ocsp-read":
                return ocspRead(request);
            default:
                throw new IllegalArgumentException("no verb " + request.verb);
        }
    }

    // Signed mail

    private static ContentSigner contentSigner(Request request, String suffix) throws Exception {
        String algorithm = request.text("algorithm" + suffix);
        PrivateKey key = request.key("key" + suffix);
        if (!request.has("mgf1" + suffix)) {
            return new JcaContentSignerBuilder(algorithm).setProvider(BC).build(key);
        }
        String digest = request.text("digest" + suffix);
        PSSParameterSpec spec = new PSSParameterSpec(digest, "MGF1",
                new MGF1ParameterSpec(request.text("mgf1" + suffix)), request.number("salt" + suffix), 1);
        Signature signature = Signature.getInstance(algorithm, BC);
        signature.setParameter(spec);
        AlgorithmIdentifier identifier = new AlgorithmIdentifier(PKCSObjectIdentifiers.id_RSASSA_PSS,
                ASN1Primitive.fromByteArray(signature.getParameters().getEncoded("ASN.1")));
        signature.initSign(key);
        return pssSigner(signature, identifier);
    }

    /** JcaContentSignerBuilder has no name for two different hashes. */
    private static ContentSigner pssSigner(Signature signature, AlgorithmIdentifier identifier) {
        ByteArrayOutputStream content = new ByteArrayOutputStream();
        return new ContentSigner() {
            @Override
            public AlgorithmIdentifier getAlgorithmIdentifier() {
                return identifier;
            }

            @Override
            public java.io.OutputStream getOutputStream() {
                return content;
            }

            @Override
            public byte[] getSignature() {
                try {
                    signature.update(content.toByteArray());
                    return signature.sign();
                } catch (SignatureException failure) {
                    throw new IllegalStateException(failure);
                }
            }
        };
    }

    private static SignerInfoGenerator signerInfo(Request request, String suffix) throws Exception {
        JcaSignerInfoGeneratorBuilder builder = new JcaSignerInfoGeneratorBuilder(
                new JcaDigestCalculatorProviderBuilder().setProvider(BC).build());
        builder.setDirectSignature(request.has("direct"));
        ContentSigner signer = contentSigner(request, suffix);
        if (request.has("keyId")) {
            return builder.build(signer, org.bouncycastle.asn1.x509.SubjectKeyIdentifier.fromExtensions(
                    request.holder("certificate" + suffix).getExtensions()).getKeyIdentifier());
        }
        return builder.build(signer, request.holder("certificate" + suffix));
    }

    private static CollectionStore<X509CertificateHolder> certificates(Request request) throws IOException {
        List<X509CertificateHolder> all = new ArrayList<>();
        for (String name : new String[] {"certificate", "certificate2", "intermediate"}) {
            if (request.has(name)) {
                all.add(request.holder(name));
            }
        }
        return new CollectionStore<>(all);
    }

    private static byte[] sign(Request request) throws Exception {
        List<SignerInfoGenerator> signers = new ArrayList<>();
        signers.add(signerInfo(request, ""));
        if (request.has("key2") && !request.has("counter")) {
            signers.add(signerInfo(request, "2"));
        }
        if (request.text("form").equals("stream")) {
            CMSSignedDataStreamGenerator generator = new CMSSignedDataStreamGenerator();
            signers.forEach(generator::addSignerInfoGenerator);
            generator.addCertificates(certificates(request));
            generator.setBufferSize(64);
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            try (java.io.OutputStream content = generator.open(out, true)) {
                content.write(request.bytes("entity"));
            }
            return out.toByteArray();
        }
        if (request.has("counter")) {
            return counterSigned(request, signers.get(0));
        }
        SMIMESignedGenerator generator = new SMIMESignedGenerator();
        signers.forEach(generator::addSignerInfoGenerator);
        generator.addCertificates(certificates(request));
        MimeBodyPart part = new MimeBodyPart(new ByteArrayInputStream(request.bytes("entity")));
        MimeMessage message = new MimeMessage(Session.getInstance(new Properties()));
        message.setFrom(request.text("from"));
        message.setSubject("interop");
        if (request.text("form").equals("detached")) {
            message.setContent(generator.generate(part));
        } else {
            MimeBodyPart opaque = generator.generateEncapsulated(part);
            message.setContent(opaque.getContent(), opaque.getContentType());
        }
        message.saveChanges();
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        message.writeTo(out);
        return out.toByteArray();
    }

    private static byte[] counterSigned(Request request, SignerInfoGenerator first) throws Exception {
        CMSSignedDataGenerator generator = new CMSSignedDataGenerator();
        generator.addSignerInfoGenerator(first);
        generator.addCertificates(certificates(request));
        CMSSignedData data = generator.generate(new CMSProcessableByteArray(request.bytes("entity")), true);
        CMSSignedDataGenerator counter = new CMSSignedDataGenerator();
        counter.addSignerInfoGenerator(signerInfo(request, "2"));
        SignerInformation signer = data.getSignerInfos().getSigners().iterator().next();
        SignerInformationStore counters = counter.generateCounterSigners(signer);
        SignerInformation both = SignerInformation.addCounterSigners(signer, counters);
        return CMSSignedData.replaceSigners(data, new SignerInformationStore(both)).getEncoded();
    }

    private static byte[] verify(Request request) throws Exception {
        MimeMessage message = new MimeMessage(Session.getInstance(new Properties()),
                new ByteArrayInputStream(request.bytes("mail")));
        SMIMESigned signed = message.isMimeType("multipart/signed")
                ? new SMIMESigned((MimeMultipart) message.getContent())
                : new SMIMESigned(message);
        Collection<SignerInformation> signers = signed.getSignerInfos().getSigners();
        if (signers.size() != request.number("signers")) {
            throw new IllegalStateException(signers.size() + " signers");
        }
        for (SignerInformation signer : signers) {
            X509CertificateHolder holder = certificateOf(signed, signer);
            if (!signer.verify(new JcaSimpleSignerInfoVerifierBuilder().setProvider(BC).build(holder))) {
                throw new IllegalStateException("signature is wrong");
            }
            for (SignerInformation counter : signer.getCounterSignatures().getSigners()) {
                X509CertificateHolder other = certificateOf(signed, counter);
                if (!counter.verify(new JcaSimpleSignerInfoVerifierBuilder().setProvider(BC).build(other))) {
                    throw new IllegalStateException("counter-signature is wrong");
                }
            }
            checkPath(holder, signed.getCertificates().getMatches(null), request.certificate("root"));
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        signed.getContent().writeTo(out);
        return out.toByteArray();
    }

    private static X509CertificateHolder certificateOf(CMSSignedData signed, SignerInformation signer) {
        @SuppressWarnings("unchecked")
        Collection<X509CertificateHolder> found = signed.getCertificates().getMatches(signer.getSID());
        if (found.isEmpty()) {
            throw new IllegalStateException("no certificate of the signer");
        }
        return found.iterator().next();
    }

    private static void checkPath(X509CertificateHolder leaf, Collection<X509CertificateHolder> others,
            X509Certificate root) throws Exception {
        JcaX509CertificateConverter converter = new JcaX509CertificateConverter().setProvider(BC);
        List<X509Certificate> all = new ArrayList<>();
        for (X509CertificateHolder other : others) {
            all.add(converter.getCertificate(other));
        }
        X509CertSelector target = new X509CertSelector();
        target.setCertificate(converter.getCertificate(leaf));
        PKIXBuilderParameters parameters = new PKIXBuilderParameters(Set.of(new TrustAnchor(root, null)), target);
        parameters.addCertStore(CertStore.getInstance("Collection", new CollectionCertStoreParameters(all)));
        parameters.setRevocationEnabled(false);
        CertPathBuilder.getInstance("PKIX", BC).build(parameters);
    }

    // Encrypted mail

    private static byte[] encrypt(Request request) throws Exception {
        X509Certificate certificate = request.certificate("certificate");
        JceCMSContentEncryptorBuilder builder = new JceCMSContentEncryptorBuilder(
                new ASN1ObjectIdentifier(request.text("cipher")), request.number("bits"));
        if (request.has("cekHkdf")) {
            throw new UnsupportedOperationException("JceCMSContentEncryptorBuilder has no setEnableSha256HKdf");
        }
        OutputEncryptor encryptor = builder.setProvider(BC).build();
        if (request.has("aead") && !(encryptor instanceof OutputAEADEncryptor)) {
            throw new UnsupportedOperationException("no OutputAEADEncryptor for this cipher");
        }
        RecipientInfoGenerator recipient = recipient(request, certificate);
        CMSProcessableByteArray content = new CMSProcessableByteArray(request.bytes("entity"));
        if (request.has("aead")) {
            CMSAuthEnvelopedDataGenerator generator = new CMSAuthEnvelopedDataGenerator();
            generator.addRecipientInfoGenerator(recipient);
            return generator.generate(content, (OutputAEADEncryptor) encryptor).toASN1Structure().getEncoded("DER");
        }
        if (request.has("stream")) {
            CMSEnvelopedDataStreamGenerator generator = new CMSEnvelopedDataStreamGenerator();
            generator.addRecipientInfoGenerator(recipient);
            generator.setBufferSize(64);
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            try (java.io.OutputStream open = generator.open(out, encryptor)) {
                open.write(request.bytes("entity"));
            }
            return out.toByteArray();
        }
        CMSEnvelopedDataGenerator generator = new CMSEnvelopedDataGenerator();
        generator.addRecipientInfoGenerator(recipient);
        return generator.generate(content, encryptor).toASN1Structure().getEncoded("DER");
    }

    private static RecipientInfoGenerator recipient(Request request, X509Certificate certificate) throws Exception {
        switch (request.text("scheme")) {
            case "pkcs1v15":
                if (request.has("keyId")) {
                    return new JceKeyTransRecipientInfoGenerator(keyId(request), certificate.getPublicKey())
                            .setProvider(BC);
                }
                return new JceKeyTransRecipientInfoGenerator(certificate).setProvider(BC);
            case "oaep": {
                PSource source = request.has("label") ? new PSource.PSpecified(request.bytes("label"))
                        : PSource.PSpecified.DEFAULT;
                OAEPParameterSpec spec = new OAEPParameterSpec(request.text("hash"), "MGF1",
                        new MGF1ParameterSpec(request.text("mgf1")), source);
                AlgorithmIdentifier algorithm = new JcaAlgorithmParametersConverter()
                        .getAlgorithmIdentifier(PKCSObjectIdentifiers.id_RSAES_OAEP, spec);
                return new JceKeyTransRecipientInfoGenerator(certificate, algorithm).setProvider(BC);
            }
            case "ecdh": {
                KeyPair pair = ephemeral(certificate.getPublicKey(), request.text("curve"));
                JceKeyAgreeRecipientInfoGenerator generator = new JceKeyAgreeRecipientInfoGenerator(
                        new ASN1ObjectIdentifier(request.text("agreement")), pair.getPrivate(), pair.getPublic(),
                        new ASN1ObjectIdentifier(request.text("wrap"))).setProvider(BC);
                return request.has("keyId") ? generator.addRecipient(keyId(request), certificate.getPublicKey())
                        : generator.addRecipient(certificate);
            }
            default:
                // What a program without any notion of KEMs does with such a certificate.
                return new JceKeyTransRecipientInfoGenerator(certificate).setProvider(BC);
        }
    }

    private static byte[] keyId(Request request) throws IOException {
        return org.bouncycastle.asn1.x509.SubjectKeyIdentifier
                .fromExtensions(request.holder("certificate").getExtensions()).getKeyIdentifier();
    }

    private static KeyPair ephemeral(PublicKey key, String curve) throws Exception {
        if (curve.startsWith("X")) {
            return KeyPairGenerator.getInstance(curve, BC).generateKeyPair();
        }
        KeyPairGenerator generator = KeyPairGenerator.getInstance("EC", BC);
        generator.initialize(new ECGenParameterSpec(curve));
        return generator.generateKeyPair();
    }

    private static byte[] decrypt(Request request) throws Exception {
        PrivateKey key = request.key("key");
        byte[] object = request.bytes("object");
        if (request.has("aead")) {
            if (!request.text("scheme").equals("pkcs1v15") && !request.text("scheme").equals("oaep")) {
                throw new UnsupportedOperationException("no AuthEnvelopedData recipient but for key transport");
            }
            RecipientInformation recipient = new CMSAuthEnvelopedData(object).getRecipientInfos().getRecipients()
                    .iterator().next();
            return recipient.getContent(new JceKeyTransAuthEnvelopedRecipient(key).setProvider(BC));
        }
        Collection<RecipientInformation> recipients = new CMSEnvelopedData(object).getRecipientInfos().getRecipients();
        if (recipients.isEmpty()) {
            throw new IllegalStateException("no RecipientInfo that it knows");
        }
        RecipientInformation recipient = recipients.iterator().next();
        return request.text("scheme").equals("ecdh")
                ? recipient.getContent(new JceKeyAgreeEnvelopedRecipient(key).setProvider(BC))
                : recipient.getContent(new JceKeyTransEnvelopedRecipient(key).setProvider(BC));
    }

    // Certificates, key files, requests and revocation

    private static byte[] certificatesWrite(Request request) throws Exception {
        CMSSignedDataGenerator generator = new CMSSignedDataGenerator();
        generator.addCertificates(certificates(request));
        return generator.generate(new org.bouncycastle.cms.CMSAbsentContent()).getEncoded("DER");
    }

    private static byte[] certificatesRead(Request request) throws Exception {
        CMSSignedData data = new CMSSignedData(request.bytes("object"));
        if (!data.getCertificates().getMatches(null).contains(request.holder("certificate"))) {
            throw new IllegalStateException("the certificate is not there");
        }
        return new byte[0];
    }

    private static byte[] pkcs12Write(Request request) throws Exception {
        char[] password = request.text("password").toCharArray();
        X509Certificate certificate = request.certificate("certificate");
        if (!request.text("protection").startsWith("pb")) {
            KeyStore store = KeyStore.getInstance(
                    request.text("protection").equals("rc2-40") ? "PKCS12" : "PKCS12-3DES-3DES", BC);
            store.load(null, null);
            store.setKeyEntry("own", request.key("key"), null, new X509Certificate[] {certificate});
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            store.store(out, password);
            return out.toByteArray();
        }
        if (request.text("protection").equals("pbmac1")) {
            throw new UnsupportedOperationException("no MacCalculatorBuilder for PBMAC1");
        }
        OutputEncryptor encryptor = new JcePKCSPBEOutputEncryptorBuilder(CMSAlgorithm.AES256_CBC).setProvider(BC)
                .build(password);
        PKCS12SafeBagBuilder keyBag = new JcaPKCS12SafeBagBuilder(request.key("key"), encryptor);
        keyBag.addBagAttribute(PKCS12SafeBag.friendlyNameAttribute, new DERBMPString("own"));
        PKCS12SafeBagBuilder certBag = new JcaPKCS12SafeBagBuilder(certificate);
        PKCS12PfxPduBuilder builder = new PKCS12PfxPduBuilder();
        builder.addEncryptedData(
                new JcePKCSPBEOutputEncryptorBuilder(CMSAlgorithm.AES256_CBC).setProvider(BC).build(password),
                new PKCS12SafeBag[] {certBag.build()});
        builder.addData(keyBag.build());
        PKCS12PfxPdu pfx = builder.build(
                new JcePKCS12MacCalculatorBuilder(org.bouncycastle.asn1.nist.NISTObjectIdentifiers.id_sha256)
                        .setProvider(BC), password);
        return pfx.getEncoded("DER");
    }

    private static byte[] pkcs12Read(Request request) throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12", BC);
        char[] password = request.text("password").toCharArray();
        store.load(new ByteArrayInputStream(request.bytes("object")), password);
        for (String alias : java.util.Collections.list(store.aliases())) {
            if (store.isKeyEntry(alias)
                    && Arrays.equals(store.getCertificate(alias).getEncoded(), request.bytes("certificate"))
                    && store.getKey(alias, password).equals(request.key("key"))) {
                return new byte[0];
            }
        }
        throw new IllegalStateException("the key with its certificate is not there");
    }

    private static byte[] requestWrite(Request request) throws Exception {
        X509Certificate certificate = request.certificate("certificate");
        return new JcaPKCS10CertificationRequestBuilder(new X500Name("CN=requester"), certificate.getPublicKey())
                .build(contentSigner(request, "")).getEncoded();
    }

    private static byte[] requestRead(Request request) throws Exception {
        PKCS10CertificationRequest read = new PKCS10CertificationRequest(request.bytes("object"));
        SubjectPublicKeyInfo key = request.holder("certificate").getSubjectPublicKeyInfo();
        if (!read.getSubjectPublicKeyInfo().equals(key)) {
            throw new IllegalStateException("another key");
        }
        if (!read.isSignatureValid(new JcaContentVerifierProviderBuilder().setProvider(BC).build(key))) {
            throw new IllegalStateException("signature is wrong");
        }
        return new byte[0];
    }

    private static byte[] crlWrite(Request request) throws Exception {
        X509v2CRLBuilder builder = new X509v2CRLBuilder(request.holder("intermediate").getSubject(),
                new Date(System.currentTimeMillis() - 60_000));
        builder.setNextUpdate(new Date(System.currentTimeMillis() + 86_400_000L));
        builder.addCRLEntry(request.holder("certificate").getSerialNumber(),
                new Date(System.currentTimeMillis() - 120_000), 1);
        builder.addExtension(org.bouncycastle.asn1.x509.Extension.authorityKeyIdentifier, false,
                new org.bouncycastle.cert.jcajce.JcaX509ExtensionUtils()
                        .createAuthorityKeyIdentifier(request.certificate("intermediate")));
        builder.addExtension(org.bouncycastle.asn1.x509.Extension.cRLNumber, false,
                new org.bouncycastle.asn1.x509.CRLNumber(BigInteger.ONE));
        return builder.build(contentSigner(request, "")).getEncoded();
    }

    private static byte[] crlRead(Request request) throws Exception {
        X509CRLHolder crl = new X509CRLHolder(request.bytes("object"));
        if (!crl.isSignatureValid(
                new JcaContentVerifierProviderBuilder().setProvider(BC).build(request.holder("intermediate")))) {
            throw new IllegalStateException("signature is wrong");
        }
        if (crl.getRevokedCertificate(request.holder("certificate").getSerialNumber()) == null) {
            throw new IllegalStateException("the certificate is not revoked");
        }
        return new byte[0];
    }

    private static CertificateID certificateId(Request request) throws Exception {
        return new CertificateID(new JcaDigestCalculatorProviderBuilder().setProvider(BC).build()
                .get(CertificateID.HASH_SHA1), request.holder("intermediate"),
                request.holder("certificate").getSerialNumber());
    }

    private static byte[] ocspWrite(Request request) throws Exception {
        X509CertificateHolder issuer = request.holder("intermediate");
        BasicOCSPRespBuilder builder = new BasicOCSPRespBuilder(new RespID(issuer.getSubject()));
        builder.addResponse(certificateId(request), CertificateStatus.GOOD,
                new Date(System.currentTimeMillis() - 60_000), new Date(System.currentTimeMillis() + 86_400_000L));
        BasicOCSPResp basic = builder.build(contentSigner(request, ""), new X509CertificateHolder[0], new Date());
        return new OCSPRespBuilder().build(OCSPRespBuilder.SUCCESSFUL, basic).getEncoded();
    }

    private static byte[] ocspRead(Request request) throws Exception {
        BasicOCSPResp basic = (BasicOCSPResp) new OCSPResp(request.bytes("object")).getResponseObject();
        if (!basic.isSignatureValid(
                new JcaContentVerifierProviderBuilder().setProvider(BC).build(request.holder("intermediate")))) {
            throw new IllegalStateException("signature is wrong");
        }
        if (basic.getResponses()[0].getCertStatus() != CertificateStatus.GOOD) {
            throw new IllegalStateException("the certificate is not good");
        }
        return new byte[0];
    }
}
