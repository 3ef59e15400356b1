import type { Language } from './language.ts';

/** Statuses that have a page of their own. */
export type ErrorStatus = 400 | 401 | 403 | 404 | 413 | 421 | 429 | 500 | 502 | 503;

interface ErrorText {
  readonly title: string;
  readonly text: string;
}

/** Every sentence of the pages. Before sign-in none of them names the product or the service. */
export interface Texts {
  readonly signIn: string;
  readonly signInIntro: string;
  readonly userName: string;
  readonly password: string;
  readonly wrong: string;
  readonly busy: string;
  readonly tooMany: string;
  readonly newDevice: string;
  readonly newDeviceIntro: string;
  readonly code: string;
  readonly comparison: string;
  readonly comparisonHint: string;
  readonly waiting: string;
  readonly checkNow: string;
  readonly expired: string;
  readonly expiredText: string;
  readonly newCode: string;
  readonly rejected: string;
  readonly rejectedText: string;
  readonly signedIn: string;
  readonly signedInAs: string;
  readonly device: string;
  readonly open: string;
  readonly goOn: string;
  readonly signOut: string;
  readonly signedOut: string;
  readonly signedOutText: string;
  readonly signInAgain: string;
  readonly errors: Readonly<Record<ErrorStatus, ErrorText>>;
}

const en: Texts = {
  signIn: 'Sign in',
  signInIntro: 'Enter your name and password to go on.',
  userName: 'Name',
  password: 'Password',
  wrong: 'Name or password is wrong.',
  busy: 'Too many people are signing in right now. Try again in a moment.',
  tooMany: 'Too many devices are waiting from your network. Try again later.',
  newDevice: 'This device is new here',
  newDeviceIntro: 'Give this code to the owner, who can let this device in.',
  code: 'Code',
  comparison: 'Check number',
  comparisonHint: 'The owner must see this same number before approving.',
  waiting: 'Waiting for approval. This page goes on by itself.',
  checkNow: 'Check now',
  expired: 'The code has run out',
  expiredText: 'A code is good for 10 minutes.',
  newCode: 'Get a new code',
  rejected: 'Not let in',
  rejectedText: 'The owner turned this device away.',
  signedIn: 'You are signed in',
  signedInAs: 'Name',
  device: 'Device',
  open: 'Open',
  goOn: 'Continue',
  signOut: 'Sign out',
  signedOut: 'You are signed out',
  signedOutText: 'Nobody can go on from this browser without your password.',
  signInAgain: 'Sign in again',
  errors: {
    400: { title: 'That did not work', text: 'The request was not understood. Go back and try again.' },
    401: {
      title: 'Not signed in',
      text: 'What was sent has not arrived. Go back, reload the page, sign in and send it again.',
    },
    403: {
      title: 'Not allowed',
      text: 'This request came from another page, or is not allowed here. Go back, reload and try again.',
    },
    404: { title: 'Not found', text: 'There is nothing at this address.' },
    413: { title: 'Too large', text: 'What was sent is larger than allowed.' },
    421: { title: 'Wrong connection', text: 'This name is not served on this connection. Reload the page.' },
    429: { title: 'Too many attempts', text: 'Wait a little, then try again.' },
    500: { title: 'Something went wrong', text: 'That is not your fault. Try again in a moment.' },
    502: {
      title: 'No answer',
      text: 'The way here works, but what is behind it does not answer. It may be starting.',
    },
    503: { title: 'Closed for now', text: 'This is not available at the moment. Try again later.' },
  },
};

const zh: Texts = {
  signIn: '登录',
  signInIntro: '请输入用户名和密码以继续。',
  userName: '用户名',
  password: '密码',
  wrong: '用户名或密码错误。',
  busy: '当前登录人数过多，请稍后再试。',
  tooMany: '您所在网络中等待批准的设备过多，请稍后再试。',
  newDevice: '这是一台新设备',
  newDeviceIntro: '请将此代码告诉主人，由主人批准此设备。',
  code: '代码',
  comparison: '核对数字',
  comparisonHint: '批准之前，主人看到的数字必须与此相同。',
  waiting: '正在等待批准，本页会自动继续。',
  checkNow: '立即检查',
  expired: '代码已过期',
  expiredText: '代码的有效期为 10 分钟。',
  newCode: '获取新代码',
  rejected: '未获批准',
  rejectedText: '主人拒绝了此设备。',
  signedIn: '您已登录',
  signedInAs: '用户名',
  device: '设备',
  open: '打开',
  goOn: '继续',
  signOut: '退出登录',
  signedOut: '您已退出登录',
  signedOutText: '没有您的密码，任何人都无法在此浏览器中继续。',
  signInAgain: '重新登录',
  errors: {
    400: { title: '请求无效', text: '无法理解此请求。请返回后重试。' },
    401: { title: '尚未登录', text: '内容未能送达。请返回并刷新页面，登录后重新发送。' },
    403: { title: '不允许', text: '此请求来自其他页面，或在此处不被允许。请返回并刷新后重试。' },
    404: { title: '未找到', text: '此地址没有内容。' },
    413: { title: '内容过大', text: '发送的内容超过了允许的大小。' },
    421: { title: '连接错误', text: '此连接不提供该名称。请刷新页面。' },
    429: { title: '尝试次数过多', text: '请稍等片刻再试。' },
    500: { title: '出现错误', text: '这不是您的问题，请稍后再试。' },
    502: { title: '没有响应', text: '通道正常，但后面的服务没有响应，可能正在启动。' },
    503: { title: '暂时关闭', text: '目前无法使用，请稍后再试。' },
  },
};

export const TEXTS: Readonly<Record<Language, Texts>> = { en, zh };
