// The names people can have: one group a locale, in its own script, each with the spelling used in e-mail addresses.

/** [as written, as spelt in an e-mail address] */
export type Name = readonly [written: string, ascii: string];

export interface NameGroup {
  locale: string;
  timeZone: string;
  firstNames: readonly Name[];
  lastNames: readonly Name[];
}

// Apostrophes, ampersands, hyphens and combining scripts are here on purpose: they find templates that escape badly.
export const NAME_GROUPS: readonly NameGroup[] = [
  group(
    'en-GB',
    'Europe/London',
    'Olivia:olivia George:george Anna_&_Tom:anna.tom Zoë:zoe Imogen:imogen',
    'Clarke:clarke Smith-Jones:smith-jones Marks_&_Webb:marks.webb Brontë:bronte',
  ),
  group(
    'en-IE',
    'Europe/Dublin',
    'Siobhán:siobhan Seán:sean Aoife:aoife Ciarán:ciaran',
    "O'Connor:oconnor O'Brien:obrien Ní_Bhriain:nibhriain Byrne:byrne",
  ),
  group(
    'en-US',
    'America/New_York',
    "Emma:emma Liam:liam D'Andre:dandre Renée:renee",
    'Johnson:johnson Núñez:nunez McAllister:mcallister Lee:lee',
  ),
  group(
    'fr-FR',
    'Europe/Paris',
    'François:francois Chloé:chloe Jean-Noël:jean-noel Anaïs:anais',
    "Lefèvre:lefevre D'Aubigné:daubigne Bérénger:berenger Garçon:garcon",
  ),
  group(
    'de-DE',
    'Europe/Berlin',
    'Jörg:joerg Käthe:kaethe Björn:bjoern Sophie:sophie',
    'Müller:mueller Strauß:strauss Schröder:schroeder Groß:gross',
  ),
  group(
    'es-ES',
    'Europe/Madrid',
    'José:jose Begoña:begona Íñigo:inigo María:maria',
    'Muñoz:munoz Ibáñez:ibanez García:garcia Peña:pena',
  ),
  group(
    'pt-BR',
    'America/Sao_Paulo',
    'João:joao Conceição:conceicao Luísa:luisa',
    'Gonçalves:goncalves Simões:simoes Araújo:araujo',
  ),
  group(
    'pl-PL',
    'Europe/Warsaw',
    'Łukasz:lukasz Małgorzata:malgorzata Błażej:blazej',
    'Wójcik:wojcik Żółtek:zoltek Dąbrowska:dabrowska',
  ),
  group('cs-CZ', 'Europe/Prague', 'Jiří:jiri Růžena:ruzena Ondřej:ondrej', 'Dvořák:dvorak Němcová:nemcova Kříž:kriz'),
  group('tr-TR', 'Europe/Istanbul', 'İpek:ipek Işıl:isil Çağrı:cagri', 'Yıldız:yildiz Şahin:sahin Öztürk:ozturk'),
  group('vi-VN', 'Asia/Ho_Chi_Minh', 'Ngọc:ngoc Đức:duc Thảo:thao', 'Nguyễn:nguyen Trần:tran Phạm:pham'),
  group(
    'ru-RU',
    'Europe/Moscow',
    'Алексей:alexey Ольга:olga Фёдор:fyodor Наталья:natalya',
    'Соловьёв:solovyov Щукина:shchukina Королёв:korolyov',
  ),
  group(
    'uk-UA',
    'Europe/Kyiv',
    'Олена:olena Єва:yeva Андрій:andriy',
    'Шевченко:shevchenko Гончарук:honcharuk Ґалаґан:galagan',
  ),
  group(
    'el-GR',
    'Europe/Athens',
    'Ελένη:eleni Γιώργος:giorgos Δήμητρα:dimitra',
    'Παπαδόπουλος:papadopoulos Οικονόμου:oikonomou Ξένου:xenou',
  ),
  group('he-IL', 'Asia/Jerusalem', 'נועה:noa יוסף:yosef תמר:tamar', 'כהן:cohen לוי:levi פרידמן:friedman'),
  group(
    'ar-EG',
    'Africa/Cairo',
    'ليلى:layla محمد:mohamed فاطمة:fatima',
    'حسن:hassan عبد_الله:abdallah الشريف:elsherif',
  ),
  group('hi-IN', 'Asia/Kolkata', 'प्रिया:priya अर्जुन:arjun श्रुति:shruti', 'शर्मा:sharma सिंह:singh कृष्णन:krishnan'),
  group('zh-CN', 'Asia/Shanghai', '伟:wei 秀英:xiuying 小龙:xiaolong', '王:wang 李:li 欧阳:ouyang'),
  group('ja-JP', 'Asia/Tokyo', 'さくら:sakura 健太:kenta ユキ:yuki', '佐藤:sato 鈴木:suzuki 髙橋:takahashi'),
  group('ko-KR', 'Asia/Seoul', '지민:jimin 서연:seoyeon 민준:minjun', '김:kim 이:yi 박:pak'),
];

/** Names are separated by blanks; an underscore stands for a blank inside one. */
function group(locale: string, timeZone: string, firstNames: string, lastNames: string): NameGroup {
  return { locale, timeZone, firstNames: toNames(firstNames), lastNames: toNames(lastNames) };
}

function toNames(text: string): Name[] {
  return text.split(' ').map((entry) => {
    const [written = '', ascii = ''] = entry.split(':');
    return [written.replaceAll('_', ' '), ascii];
  });
}
