//! The environment a kernel gets: what it needs, and nothing of the studio's own.

use std::collections::BTreeMap;

use crate::Config;
use crate::kernelspecs::Kernelspec;

/// Named one by one: what is not known to be harmless stays out.
const NAMES: [&str; 24] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "TZ",
    "TMPDIR",
    "TERM",
    "LD_LIBRARY_PATH",
    "LIBRARY_PATH",
    "VIRTUAL_ENV",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "PIP_INDEX_URL",
];
const FAMILIES: [&str; 18] = [
    "LC_",
    "XDG_",
    "CONDA_",
    "PYTHON",
    "JUPYTER_",
    "IPYTHON",
    "R_",
    "JAVA_",
    "SPARK_",
    "PYSPARK_",
    "HADOOP_",
    "CUDA_",
    "NVIDIA_",
    "OMP_",
    "MKL_",
    "OPENBLAS_",
    "NUMEXPR_",
    "MPL",
];
/// A family may hold a secret: these words keep one out.
const SECRETS: [&str; 6] = ["TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL", "KEY"];

pub fn is_harmless(name: &str) -> bool {
    NAMES.contains(&name)
        || FAMILIES.iter().any(|family| name.starts_with(family))
            && !SECRETS
                .iter()
                .any(|word| name.to_ascii_uppercase().contains(word))
}

/// The whole environment of a kernel.
pub fn of(config: &Config, spec: &Kernelspec) -> BTreeMap<String, String> {
    let mut environment = base(config);
    environment.extend(spec.environment.clone());
    environment
}

/// What a supervisor gets, and a kernel before its kernelspec adds to it.
pub fn base(config: &Config) -> BTreeMap<String, String> {
    let mut environment: BTreeMap<String, String> = config
        .environment
        .iter()
        .filter(|(name, _)| is_harmless(name))
        .cloned()
        .collect();
    environment
        .entry("PATH".into())
        .or_insert_with(|| "/usr/local/bin:/usr/bin:/bin".into());
    if !environment.contains_key("LANG") && !environment.contains_key("LC_ALL") {
        environment.insert("LANG".into(), "C.UTF-8".into());
    }
    environment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_the_studio_stay_out() {
        for name in [
            "DATALAYER_SECRET",
            "DATABASE_URL",
            "DATALAYER_DATABASE",
            "AWS_SECRET_ACCESS_KEY",
            "JUPYTER_TOKEN",
            "CONDA_TOKEN",
            "GITHUB_TOKEN",
            "LEPTOS_SITE_ADDR",
        ] {
            assert!(!is_harmless(name), "{name}");
        }
        for name in [
            "PATH",
            "LC_ALL",
            "SPARK_HOME",
            "JAVA_HOME",
            "PYTHONPATH",
            "CUDA_VISIBLE_DEVICES",
        ] {
            assert!(is_harmless(name), "{name}");
        }
    }
}
