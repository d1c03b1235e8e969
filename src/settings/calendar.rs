//! The section `calendar`: what a day, a half day and a working hour are, where the company is.

use serde::{Deserialize, Serialize};

use super::SettingError;
use crate::zone::Zone;

/// What a day, a half day and a working hour are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Calendar {
    /// Name of a zone of the IANA database.
    pub timezone: String,
    /// `HH:MM-HH:MM`; its end divides the day into halves.
    pub morning: String,
    /// `HH:MM-HH:MM`.
    pub afternoon: String,
    /// Days of the week that nobody works, 1 Monday to 7 Sunday.
    pub weekend: Vec<u8>,
}

impl Default for Calendar {
    fn default() -> Self {
        Self {
            timezone: "Asia/Shanghai".to_owned(),
            morning: "09:00-12:00".to_owned(),
            afternoon: "13:00-18:00".to_owned(),
            weekend: vec![6, 7],
        }
    }
}

impl Calendar {
    /// Checks the values.
    ///
    /// # Errors
    /// The first key with a bad value.
    pub fn validate(&self) -> Result<(), SettingError> {
        if Zone::named(&self.timezone).is_none() {
            let problem = format!("must be a zone of the IANA database, is \"{}\"", self.timezone);
            return Err(SettingError::new("calendar.timezone", problem));
        }
        let hours = |text: &str| minutes(text).filter(|(from, to)| from < to);
        let form = "must be \"HH:MM-HH:MM\", the first before the second";
        let Some((_, noon)) = hours(&self.morning) else {
            return Err(SettingError::new("calendar.morning", form));
        };
        let Some((from, _)) = hours(&self.afternoon) else {
            return Err(SettingError::new("calendar.afternoon", form));
        };
        if from < noon {
            return Err(SettingError::new("calendar.afternoon", "must not begin before the morning ends"));
        }
        if self.weekend.len() > 6 || self.weekend.iter().any(|day| !(1..=7).contains(day)) {
            let problem = "must be days from 1 (Monday) to 7 (Sunday), at most six";
            return Err(SettingError::new("calendar.weekend", problem));
        }
        Ok(())
    }

    /// The zone; `validate` has seen that there is one.
    pub fn zone(&self) -> Zone {
        Zone::named(&self.timezone).unwrap_or_else(Zone::utc)
    }

    /// Working time of the morning and of the afternoon, in minutes from midnight.
    pub fn hours(&self) -> [(i64, i64); 2] {
        [&self.morning, &self.afternoon].map(|text| minutes(text).unwrap_or_default())
    }
}

/// Reads `HH:MM-HH:MM` as minutes from midnight; `24:00` is the day's end.
fn minutes(text: &str) -> Option<(i64, i64)> {
    let minute = |text: &str| {
        let two = |text: &str| {
            let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<i64>().ok().filter(|_| digits)
        };
        let (hour, minute) = text.split_once(':')?;
        let (hour, minute) = (two(hour)?, two(minute)?);
        (minute < 60 && hour * 60 + minute <= 1_440).then_some(hour * 60 + minute)
    };
    let (from, to) = text.split_once('-')?;
    Some((minute(from)?, minute(to)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_value_is_refused_by_its_key() {
        let wrong = |change: fn(&mut Calendar)| {
            let mut calendar = Calendar::default();
            change(&mut calendar);
            calendar.validate().err().map(|error| error.key)
        };
        assert_eq!(wrong(|_| {}), None);
        assert_eq!(wrong(|of| of.timezone = "Mars/Base".to_owned()), Some("calendar.timezone"));
        for bad in ["", "9-12", "09:00", "12:00-09:00", "09:00-25:00", "09:60-12:00", "+9:00-12:00"] {
            let calendar = Calendar { morning: bad.to_owned(), ..Calendar::default() };
            assert_eq!(calendar.validate().err().map(|error| error.key), Some("calendar.morning"), "{bad}");
        }
        assert_eq!(wrong(|of| of.afternoon = "11:00-18:00".to_owned()), Some("calendar.afternoon"));
        assert_eq!(wrong(|of| of.weekend = vec![0]), Some("calendar.weekend"));
        assert_eq!(wrong(|of| of.weekend = (1..=7).collect()), Some("calendar.weekend"));
        assert_eq!(Calendar::default().hours(), [(540, 720), (780, 1_080)]);
    }
}
